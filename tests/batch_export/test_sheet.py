"""Sheets: what Excel and openpyxl would spoil without a word is split, escaped, converted and counted."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from batch_export.sheet import EXCEL_MAX_ROWS, Altered, Sheet, SheetColumn

BERLIN = ZoneInfo("Europe/Berlin")


def written(path: Path, values: list[object], max_rows: int = EXCEL_MAX_ROWS) -> tuple[Sheet, Any]:
    """One column of values, written and read back."""
    workbook = Workbook(write_only=True)
    sheet = Sheet(workbook, "S", [SheetColumn("Value")], BERLIN, max_rows)
    for value in values:
        sheet.append([value])
    sheet.close()
    workbook.save(path)
    return sheet, load_workbook(path)


def one(path: Path, value: object) -> tuple[Sheet, Any]:
    """A single value, written and read back."""
    sheet, workbook = written(path, [value])
    return sheet, workbook["S"]["A2"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "\x00=", "\x1b@"])  # noqa: RUF001
def test_text_from_a_phone_never_becomes_a_formula(tmp_path: Path, start: str) -> None:
    """A device named like a formula stays text when a person opens the workbook, and the change is counted."""
    sheet, cell = one(tmp_path / "a.xlsx", f'{start}HYPERLINK("http://evil","x")')
    assert cell.data_type != "f"
    assert cell.value.startswith("'")
    assert sheet.altered[Altered.ESCAPED] == 1


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_gives_a_file_that_opens(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever characters a phone sends, the file is well-formed and no cell is a formula."""
    _, cell = one(tmp_path_factory.mktemp("any") / "a.xlsx", text)
    assert cell.data_type != "f"


def test_ordinary_text_is_left_alone(tmp_path: Path) -> None:
    """Escaping touches only what is dangerous."""
    sheet, cell = one(tmp_path / "a.xlsx", "Änne's phone 🚶 = fine")
    assert cell.value == "Änne's phone 🚶 = fine"
    assert not sheet.altered


def test_control_characters_are_taken_out_and_counted(tmp_path: Path) -> None:
    """Excel would "repair" a file that holds them, and drop rows."""
    sheet, cell = one(tmp_path / "a.xlsx", "a\x00b\x0bc\uffffd")
    assert cell.value == "abcd"
    assert sheet.altered[Altered.STRIPPED] == 1


@pytest.mark.parametrize("text", ["x" * 32_768, "🚶" * 20_000])
def test_text_longer_than_a_cell_is_cut_with_a_mark(tmp_path: Path, text: str) -> None:
    """Openpyxl cuts silently; we say so, and stay within what Excel counts."""
    sheet, cell = one(tmp_path / "a.xlsx", text)
    assert cell.value.endswith("[…cut]")
    assert len(cell.value.encode("utf-16-le")) // 2 <= 32_767
    assert sheet.altered[Altered.CUT] == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_empty_and_counted(tmp_path: Path, value: float) -> None:
    """Excel knows no NaN; an empty cell alone would look like a value never sent."""
    sheet, cell = one(tmp_path / "a.xlsx", value)
    assert cell.value is None
    assert sheet.altered[Altered.NOT_FINITE] == 1


def test_times_are_shown_in_the_zone(tmp_path: Path) -> None:
    """A reader in Berlin sees Berlin's clock, to the millisecond."""
    _, cell = one(tmp_path / "a.xlsx", datetime(2026, 7, 1, 10, 0, 0, 250_000, tzinfo=UTC))
    assert cell.value == datetime(2026, 7, 1, 12, 0, 0, 250_000)  # noqa: DTZ001 - Excel has no zones


@pytest.mark.parametrize(
    "at", [datetime(1899, 12, 31, tzinfo=UTC), datetime(1900, 2, 28, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]
)
def test_times_before_excels_calendar_are_text(tmp_path: Path, at: datetime) -> None:
    """Excel shows earlier times a day off or not at all; ISO 8601 text is right."""
    sheet, cell = one(tmp_path / "a.xlsx", at)
    assert datetime.fromisoformat(cell.value) == at
    assert sheet.altered[Altered.EARLY_DATE] == 1


def test_1901_is_a_date_like_any_other(tmp_path: Path) -> None:
    """The wrong clocks we have seen fall on days that Excel can show."""
    sheet, cell = one(tmp_path / "a.xlsx", datetime(1901, 12, 13, 20, 45, tzinfo=UTC))
    assert cell.value == datetime(1901, 12, 13, 21, 45)  # noqa: DTZ001 - Excel has no zones
    assert not sheet.altered


def test_a_full_sheet_is_continued_on_the_next(tmp_path: Path) -> None:
    """Row 1,048,577 would be dropped by Excel; every row is on some sheet, under a header, in order."""
    sheet, workbook = written(tmp_path / "a.xlsx", list(range(10)), max_rows=5)
    assert workbook.sheetnames == ["S", "S (2)", "S (3)"]
    assert [len(list(part.iter_rows(min_row=2))) for part in workbook] == [4, 4, 2]
    assert [row[0].value for part in workbook for row in part.iter_rows(min_row=2)] == list(range(10))
    assert all(part["A1"].value == "Value" for part in workbook)
    assert [part.auto_filter.ref for part in workbook] == ["A1:A5", "A1:A5", "A1:A3"]
    assert (sheet.rows, sheet.sheet_count) == (10, 3)


def test_a_sheet_that_is_just_full_has_no_empty_follower(tmp_path: Path) -> None:
    """The limit itself is still allowed."""
    _, workbook = written(tmp_path / "a.xlsx", [1, 2, 3, 4], max_rows=5)
    assert workbook.sheetnames == ["S"]


def test_the_header_stays_in_sight(tmp_path: Path) -> None:
    """A person who scrolls still sees what the columns are."""
    _, workbook = written(tmp_path / "a.xlsx", [1])
    assert workbook["S"].freeze_panes == "A2"
    assert workbook["S"]["A1"].font.bold


def test_a_row_of_another_length_is_refused(tmp_path: Path) -> None:
    """A value in the wrong column would be worse than an error."""
    workbook = Workbook(write_only=True)
    sheet = Sheet(workbook, "S", [SheetColumn("Value")], BERLIN)
    with pytest.raises(ValueError, match="zip"):
        sheet.append([1, 2])
    sheet.close()
    workbook.save(tmp_path / "a.xlsx")
