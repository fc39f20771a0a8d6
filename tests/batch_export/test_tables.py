"""Tables: nothing that MongoDB holds of a record is left out of the files."""

import types
import typing
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_export.parquet import TableFile, count_rows
from batch_export.tables import TABLES, Kind, Table, arrow_schema, values_of
from itrack.mobility import Anomaly, Severity

DOCS = Path(__file__).parents[2] / "docs" / "data-sets.md"
KINDS: dict[type, Kind] = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.NUMBER,
    bool: Kind.TRUTH,
    datetime: Kind.INSTANT,
}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_field_of_a_record_is_a_column_of_its_kind(table: Table) -> None:
    """A field added to a record must be exported too, with its own type."""
    hints = typing.get_type_hints(table.record)
    assert {column.name for column in table.columns} == set(table.record.__struct_fields__)
    for column in table.columns:
        hint = hints[column.name]
        may_be_empty = typing.get_origin(hint) in {types.UnionType, typing.Union} and type(None) in typing.get_args(
            hint
        )
        kind = (
            next(argument for argument in typing.get_args(hint) if argument is not type(None)) if may_be_empty else hint
        )
        assert column.may_be_empty == may_be_empty, column.name
        assert column.kind is (Kind.TEXT if issubclass(kind, StrEnum) else KINDS[kind]), column.name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_guide_lists_every_column(table: Table) -> None:
    """A data scientist finds each column, its type and its meaning in docs/data-sets.md."""
    text = DOCS.read_text()
    for column in table.columns:
        optional = "yes" if column.may_be_empty else "no"
        arrow = arrow_schema(table).field(column.name).type
        assert f"| `{column.name}` | {arrow} | {optional} | {column.meaning} |" in text


def test_parquet_keeps_every_value_over_several_row_groups(tmp_path: Path) -> None:
    """What goes in comes out, times in UTC to the millisecond, however the rows are grouped."""
    table = next(table for table in TABLES if table.name == "anomalies")
    records = [
        Anomaly(
            anomaly_id=f"a{n}",
            device_id="main:1",
            kind="=cmd|'/c calc'!A0",
            severity=Severity.HIGH,
            happened_at=datetime(1901, 12, 13, 20, 45, 0, n * 1000, tzinfo=UTC),
            sentence="\x00\u2028 odd",
            fix_id=None if n % 2 else "main:7",
            judged_at=datetime(2026, 3, 29, tzinfo=UTC),
            rules="r",
        )
        for n in range(7)
    ]
    file = TableFile(tmp_path / "a.parquet", table, group_rows=3)
    for record in records:
        file.append(values_of(record, table))
    file.close()
    assert count_rows(file.path) == 7
    assert pq.ParquetFile(file.path).num_row_groups == 3
    read = pq.read_table(file.path)
    assert read.schema.equals(arrow_schema(table), check_metadata=False)
    assert msgspec.convert(read.to_pylist(), list[Anomaly]) == records


def test_a_missing_value_where_one_must_be_is_an_error(tmp_path: Path) -> None:
    """A column that promises values never holds an empty one."""
    table = TABLES[0]
    file = TableFile(tmp_path / "a.parquet", table)
    file.append([None] * len(table.columns))
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        file.close()
