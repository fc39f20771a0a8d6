"""One table as one Parquet file, written in row groups so that memory stays the same however long the day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch_export.tables import Table, arrow_schema

__all__ = ["ROW_GROUP_ROWS", "TableFile", "count_rows"]

ROW_GROUP_ROWS = 20_000


class TableFile:
    """A Parquet file that rows are appended to. The same rows in the same order give the same bytes.

    Args:
        path: where it is written.
        table: whose columns it has.
        group_rows: rows held in memory before they are written.
    """

    def __init__(self, path: Path, table: Table, group_rows: int = ROW_GROUP_ROWS) -> None:
        self.path = path
        self.table = table
        self._schema = arrow_schema(table)
        self._group_rows = group_rows
        self._waiting: list[list[Any]] = []
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def append(self, values: list[Any]) -> None:
        """Add one row; the order of `values` is the columns'."""
        self._waiting.append(values)
        if len(self._waiting) >= self._group_rows:
            self._flush()

    def close(self) -> None:
        """Write what waits and the file's end. Safe to repeat."""
        if self._writer.is_open:
            self._flush()
            self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            columns = zip(*self._waiting, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
            self._waiting = []


def count_rows(path: Path) -> int:
    """How many rows a finished file says it has, read back from its end."""
    return int(pq.read_metadata(path).num_rows)
