"""A sheet of any length in an Excel workbook, written row by row, safe to open.

Excel and openpyxl each fail silently in their own ways; this class is the one place that knows them: more rows
than a sheet holds, text that would become a formula, control characters that make Excel "repair" the file,
times with a zone, times before Excel's calendar, NaN, and text longer than a cell.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

__all__ = ["EXCEL_MAX_ROWS", "Altered", "Sheet", "SheetColumn", "fit_to_width", "style_header"]

EXCEL_MAX_ROWS = 1_048_576
"""Rows of a sheet, the header among them. openpyxl writes more without a word; Excel then drops them."""

_FONT = "Calibri"
_MAX_TEXT = 32_767
_CUT_MARK = " […cut]"
_FIRST_DATE = datetime(1900, 3, 1)  # noqa: DTZ001 - Excel's own calendar has no zone; before, it has a day too many
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - Excel takes the wide forms for formulas too
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Altered(StrEnum):
    """Why a cell does not hold its value as it was."""

    ESCAPED = "text that could run as a formula, now behind an apostrophe"
    STRIPPED = "text with control characters, now without them"
    CUT = "text longer than a cell holds, now cut"
    NOT_FINITE = "numbers that were not finite, now empty"
    EARLY_DATE = "times outside Excel's calendar, now text in ISO 8601"


class SheetColumn(msgspec.Struct, frozen=True):
    """Header text, width in characters, and Excel number format of one column (`@` is text)."""

    title: str
    width: float = 14
    number_format: str = "@"


class Sheet:
    """Rows under a header, continued on further sheets named `Title (2)`, `Title (3)`, … when one is full.

    Args:
        workbook: opened with `write_only=True`.
        title: name of the first sheet.
        columns: what the header says.
        zone: aware times are shown in it.
        max_rows: rows of one sheet, its header among them.
    """

    def __init__(
        self,
        workbook: Workbook,
        title: str,
        columns: Sequence[SheetColumn],
        zone: ZoneInfo,
        max_rows: int = EXCEL_MAX_ROWS,
    ) -> None:
        self.rows = 0
        self.sheet_count = 0
        self.altered: Counter[Altered] = Counter()
        self._workbook = workbook
        self._title = title
        self._columns = columns
        self._zone = zone
        self._max_rows = max_rows
        self._rows_here = 0
        self._open_next()

    def append(self, values: Sequence[object]) -> None:
        """Write one row; the order of `values` is the columns'."""
        if self._rows_here >= self._max_rows:
            self._close_this()
            self._open_next()
        row: list[Any] = []
        for cell, value in zip(self._cells, values, strict=True):
            shown = self._shown(value)
            if shown is None:
                row.append(None)
            else:
                cell.value = shown
                row.append(cell)
        self._sheet.append(row)
        self._rows_here += 1
        self.rows += 1

    def close(self) -> None:
        """Finish the last sheet. Write nothing afterwards."""
        self._close_this()

    def _open_next(self) -> None:
        self.sheet_count += 1
        title = self._title if self.sheet_count == 1 else f"{self._title} ({self.sheet_count})"
        self._sheet: Any = self._workbook.create_sheet(title)
        self._sheet.freeze_panes = "A2"
        self._sheet.print_title_rows = "1:1"
        fit_to_width(self._sheet)
        for index, column in enumerate(self._columns, start=1):
            self._sheet.column_dimensions[get_column_letter(index)].width = column.width
        self._sheet.row_dimensions[1].height = 32
        self._sheet.append([self._header(column) for column in self._columns])
        # One cell a column, filled anew for each row: its style is looked up once, and openpyxl writes at once.
        self._cells: list[Any] = []
        for column in self._columns:
            cell = WriteOnlyCell(self._sheet)
            cell.number_format = column.number_format
            cell.font = Font(name=_FONT, size=11)
            cell.alignment = _aligned(column)
            self._cells.append(cell)
        self._rows_here = 1

    def _header(self, column: SheetColumn) -> Any:
        cell = style_header(WriteOnlyCell(self._sheet, column.title))
        like = _aligned(column)
        cell.alignment = Alignment(horizontal=like.horizontal, indent=like.indent, vertical="center", wrap_text=True)
        return cell

    def _close_this(self) -> None:
        last = get_column_letter(len(self._columns))
        self._sheet.auto_filter.ref = f"A1:{last}{self._rows_here}"
        self._sheet.close()

    def _shown(self, value: object) -> object:
        if isinstance(value, str):
            return self._safe_text(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            if math.isfinite(value):
                return value
            self.altered[Altered.NOT_FINITE] += 1
            return None
        if isinstance(value, datetime):
            return self._excel_time(value)
        return value

    def _safe_text(self, value: str) -> str | None:
        text = _NOT_XML.sub("", value)
        if text != value:
            self.altered[Altered.STRIPPED] += 1
        if text.startswith(_FORMULA_STARTS):
            self.altered[Altered.ESCAPED] += 1
            text = f"'{text}"
        if _excel_length(text) > _MAX_TEXT:
            self.altered[Altered.CUT] += 1
            text = text.encode("utf-16-le")[: 2 * (_MAX_TEXT - len(_CUT_MARK))].decode("utf-16-le", "ignore")
            text += _CUT_MARK
        return text or None

    def _excel_time(self, at: datetime) -> datetime | str:
        try:
            local = at.astimezone(self._zone)
        except OverflowError:
            local = at.astimezone(UTC)
        wall = local.replace(tzinfo=None)
        if wall < _FIRST_DATE:
            self.altered[Altered.EARLY_DATE] += 1
            return local.isoformat(timespec="milliseconds")
        return wall


def _aligned(column: SheetColumn) -> Alignment:
    """Text begins left, with a little air after the number before it; numbers and times end right."""
    if column.number_format == "@":
        return Alignment(horizontal="left", vertical="top", indent=1)
    return Alignment(horizontal="right", vertical="top")


def _excel_length(text: str) -> int:
    """Excel counts UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text) if len(text) > _MAX_TEXT // 2 else len(text)


def fit_to_width(sheet: Any) -> None:
    """Print the sheet across, one page wide, before its first row is written."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def style_header(cell: Any) -> Any:
    """Give a cell the look of a header and return it."""
    cell.font = Font(name=_FONT, size=11, bold=True, color="FFFFFF")
    cell.fill = PatternFill("solid", start_color="1F4E5F")
    cell.alignment = Alignment(vertical="center", wrap_text=True)
    return cell
