"""The About sheet: what the workbook is, how much it holds, and how to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font

from batch_export.sheet import Altered, fit_to_width, style_header
from batch_export.tables import Column
from itrack.day import Day

__all__ = ["about_lines", "write_about"]

_HOW_TO_READ = (
    "Every row of the sheet Fixes is one position as the phone sent it, impossible times and places among them.",
    "The other sheets hold what the analytics made of the fixes they accepted.",
    "A stop, trip or gap belongs to the day it began on, an anomaly to the day it happened on.",
    "A gap is a time without reports that ended somewhere else. No way and no distance is made up for it.",
    "Places and names tell where people live and whom they meet. Share this file as carefully as a medical record.",
)

Line = tuple[str, Sequence[object]]
"""A look (`title`, `header`, `fact`, `plain`) and the cells of a row."""


def about_lines(
    day: Day,
    *,
    is_closed: bool,
    generated_at: datetime,
    rows: Mapping[str, tuple[int, int]],
    altered: Counter[Altered],
    columns: Mapping[str, Iterable[Column]],
) -> list[Line]:
    """The rows of the sheet.

    Args:
        day: the day that was exported.
        is_closed: whether it was over by then.
        generated_at: when, in the day's zone.
        rows: by sheet, how many rows it has and over how many sheets.
        altered: how many cells do not hold their value as it was, by reason.
        columns: by sheet, its columns.
    """
    lines: list[Line] = [
        ("title", [f"I-Track: where the phones were on {day}"]),
        ("plain", []),
        ("fact", ["Day", f"{day}, {day.hours:g} hours, from midnight to midnight in {day.zone}"]),
        ("fact", ["Times", f"All times are shown in {day.zone}. Rows are ordered by device, then by time."]),
        ("fact", ["Written", f"{generated_at:%Y-%m-%d %H:%M:%S} ({day.zone})"]),
    ]
    if not is_closed:
        lines.append(("fact", ["Not over", "The day was not over yet: more may come. Export it again later."]))
    lines += [("plain", []), ("header", ["Sheet", "Rows", "Sheets"])]
    lines += [("plain", [sheet, count, sheets]) for sheet, (count, sheets) in rows.items()]
    lines += [("plain", []), ("header", ["How to read it"])]
    lines += [("plain", [sentence]) for sentence in _HOW_TO_READ]
    if altered:
        lines += [("plain", []), ("header", ["Cells that had to change", "Why"])]
        lines += [("plain", [count, reason.value]) for reason, count in sorted(altered.items())]
        lines.append(("plain", ["The Parquet files beside this workbook hold every value as it was."]))
    lines += [("plain", []), ("header", ["Sheet", "Column", "Holds", "Meaning"])]
    for sheet, listed in columns.items():
        lines += [("plain", [sheet, column.title, column.kind.value, column.meaning]) for column in listed]
    return lines


def write_about(workbook: Workbook, lines: Iterable[Line]) -> None:
    """Put the sheet before all others."""
    sheet: Any = workbook.create_sheet("About", 0)
    for letter, width in zip("ABCD", (26, 22, 14, 70), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.sheet_view.showGridLines = False
    fit_to_width(sheet)
    for look, values in lines:
        sheet.append([_styled(sheet, look, value, index) for index, value in enumerate(values)])
    sheet.close()
    workbook.active = 0


def _styled(sheet: Any, look: str, value: Any, index: int) -> Any:
    cell = WriteOnlyCell(sheet, value)
    if look == "header":
        return style_header(cell)
    cell.alignment = Alignment(vertical="top", horizontal="left" if isinstance(value, int) else None)
    if look == "title":
        cell.font = Font(name="Calibri", bold=True, size=18, color="1F4E5F")
    else:
        cell.font = Font(name="Calibri", size=11, bold=look == "fact" and index == 0)
    return cell
