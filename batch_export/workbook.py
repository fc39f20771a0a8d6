"""A day as an Excel workbook for people: an About sheet, then one sheet a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from openpyxl import Workbook

from batch_export.about import about_lines, write_about
from batch_export.sheet import EXCEL_MAX_ROWS, Altered, Sheet, SheetColumn
from batch_export.tables import TABLES, Column, Kind, Table
from itrack.day import Day, find_zone

__all__ = ["DayWorkbook"]

_NAME = Column("device_name", Kind.TEXT, "Name", "What a person called the phone. Only in the workbook.", 24)
_OFFSET = Column("utc_offset", Kind.TEXT, "UTC offset", "Tells the two equal hours apart when clocks go back.", 13)
_DURATION = Column("duration_min", Kind.NUMBER, "Duration (min)", "From its beginning to its end.", 11, 1)


class DayWorkbook:
    """A workbook that rows are appended to in the tables' order.

    Args:
        path: where it is written.
        day: which day; its zone is the one that times are shown in.
        names: what people called their phones, by device id. Hostile text.
        max_rows: rows of one sheet before it is continued on the next.
    """

    def __init__(self, path: Path, day: Day, names: Mapping[str, str], max_rows: int = EXCEL_MAX_ROWS) -> None:
        self._path = path
        self._day = day
        self._zone = find_zone(day.zone)
        self._names = names
        self._workbook = Workbook(write_only=True)
        self._sheets = {
            table.name: Sheet(self._workbook, table.sheet, _sheet_columns(table, day), self._zone, max_rows)
            for table in TABLES
        }

    def append(self, table: Table, record: msgspec.Struct, values: list[Any]) -> None:
        """Add a record; `values` are its columns, as `values_of` gives them."""
        row = [self._names.get(record.device_id), *values]  # type: ignore[attr-defined]
        begins_at: datetime = getattr(record, table.day_field)
        if _has_duration(table):
            ended_at: datetime | None = record.ended_at  # type: ignore[attr-defined]
            row.append((ended_at - begins_at) / timedelta(minutes=1) if ended_at else None)
        if self._day.zone != "UTC":
            row.append(_utc_offset(begins_at, self._zone))
        self._sheets[table.name].append(row)

    def rows(self, table: Table) -> int:
        """Rows written of a table, over all its sheets."""
        return self._sheets[table.name].rows

    @property
    def altered(self) -> Counter[Altered]:
        """How many cells do not hold their value as it was, by reason."""
        return sum((sheet.altered for sheet in self._sheets.values()), Counter())

    def save(self, *, is_closed: bool, generated_at: datetime) -> None:
        """Write the About sheet and the file's end."""
        for sheet in self._sheets.values():
            sheet.close()
        lines = about_lines(
            self._day,
            is_closed=is_closed,
            generated_at=generated_at.astimezone(self._zone),
            rows={table.sheet: (self.rows(table), self._sheets[table.name].sheet_count) for table in TABLES},
            altered=self.altered,
            columns={table.sheet: _all_columns(table, self._day) for table in TABLES},
        )
        write_about(self._workbook, lines)
        self._workbook.properties.title = f"I-Track, {self._day}"
        self._workbook.properties.creator = "I-Track"
        self._workbook.save(self._path)


def _has_duration(table: Table) -> bool:
    return any(column.name == "ended_at" for column in table.columns)


def _all_columns(table: Table, day: Day) -> list[Column]:
    extra = [_DURATION] if _has_duration(table) else []
    return [_NAME, *table.columns, *extra, *([_OFFSET] if day.zone != "UTC" else [])]


def _sheet_columns(table: Table, day: Day) -> list[SheetColumn]:
    return [
        SheetColumn(
            f"{column.title} ({day.zone})" if column.kind is Kind.INSTANT else column.title,
            column.width,
            _number_format(column),
        )
        for column in _all_columns(table, day)
    ]


def _number_format(column: Column) -> str:
    if column.kind is Kind.INSTANT:
        return "yyyy-mm-dd hh:mm:ss.000"
    if column.kind is Kind.INTEGER:
        return "#,##0"
    if column.kind is Kind.NUMBER:
        whole = "0" if column.name.endswith("_deg") else "#,##0"
        return f"{whole}.{'0' * column.decimals}" if column.decimals else whole
    return "@"


def _utc_offset(at: datetime, zone: ZoneInfo) -> str:
    try:
        offset = at.astimezone(zone).utcoffset() or timedelta()
    except OverflowError:
        offset = timedelta()
    return str(timezone(offset))
