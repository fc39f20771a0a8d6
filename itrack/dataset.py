"""The data set on S3: where a day's files lie, and the manifest that says which of them are complete.

```
exports/day=2026-03-29/fixes.parquet … anomalies.parquet    one file a table
exports/day=2026-03-29/itrack-2026-03-29.xlsx               the workbook for people
exports/day=2026-03-29/manifest.json                        written last
```
Keys depend on the day only, so a repeat overwrites. A reader starts at the manifest, and refuses a file whose
SHA-256 is not the manifest's: a repeat may be under way.
"""

from __future__ import annotations

from datetime import date

import msgspec

from itrack.errors import SetAside
from itrack.instant import Instant

__all__ = [
    "DATASET_SCHEMA",
    "EXPORTS",
    "DataFile",
    "Manifest",
    "TableCount",
    "day_prefix",
    "decode_manifest",
    "encode_manifest",
    "manifest_key",
]

DATASET_SCHEMA = 2
"""Version of the layout, of the tables' columns and of the manifest. Readers refuse newer ones."""

EXPORTS = "exports/"
"""Prefix of every day's files."""


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """One complete file.

    Attributes:
        key: its S3 key.
        format: `parquet` or `xlsx`.
        table: the table a Parquet file holds; None for the workbook, which holds all.
        rows: data rows in it, headers and the About sheet not counted.
        size_bytes, sha256: of its content.
    """

    key: str
    format: str
    table: str | None
    rows: int
    size_bytes: int
    sha256: str


class TableCount(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one table on their way: counted in MongoDB before and after, written to each form.

    `unreadable` records are in MongoDB but are not what they should be; they are in no file.
    """

    counted_before: int
    counted_after: int
    parquet_rows: int
    workbook_rows: int
    unreadable: int = 0

    @property
    def mismatch_rows(self) -> int:
        """By how many rows the forms disagree with MongoDB; 0 when all is well."""
        counts = (self.counted_before, self.counted_after, self.parquet_rows, self.workbook_rows)
        return max(max(counts) - min(counts), self.unreadable)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one day's export holds.

    Attributes:
        day, zone: which day, in which IANA zone.
        starts_at, ends_at: its bounds in UTC, the end excluded.
        is_closed: the day was over when it was exported; otherwise more may come.
        generated_at, generated_by: when, and the program's version.
        problems: sentences about what does not add up; empty when every row is in every form.
        tables: by table name.
        files: every complete file.
    """

    schema: int = DATASET_SCHEMA
    day: date
    zone: str
    starts_at: Instant
    ends_at: Instant
    is_closed: bool
    generated_at: Instant
    generated_by: str
    problems: list[str]
    tables: dict[str, TableCount]
    files: list[DataFile]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.parquet_rows for table in self.tables.values())

    def parquet_of(self, table: str) -> DataFile:
        """The Parquet file of a table.

        Raises:
            SetAside: the manifest names none.
        """
        for file in self.files:
            if file.format == "parquet" and file.table == table:
                return file
        raise SetAside("no_such_table", f"the manifest of {self.day} names no Parquet file of {table!r}")


def day_prefix(day: date) -> str:
    """Where a day's files lie, with a slash at the end."""
    return f"{EXPORTS}day={day.isoformat()}/"


def manifest_key(day: date) -> str:
    """Where a day's manifest lies."""
    return f"{day_prefix(day)}manifest.json"


def encode_manifest(manifest: Manifest) -> bytes:
    """Indented JSON: people read it too."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode_manifest(content: bytes) -> Manifest:
    """The manifest in a file.

    Raises:
        SetAside: not a manifest, or one of a newer schema.
    """
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SetAside("not_a_manifest", str(error)) from error
    if manifest.schema != DATASET_SCHEMA:
        raise SetAside("unknown_schema", f"schema {manifest.schema}, this program reads schema {DATASET_SCHEMA}")
    return manifest
