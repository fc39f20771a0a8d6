"""Counts the rows of exported days as a reader of S3 finds them, by opening every file."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

import msgspec
from openpyxl import load_workbook
from pyarrow import parquet

from itrack.dataset import DataFile, decode_manifest, manifest_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["FixRows", "count_fix_rows"]

_FIXES = "fixes"


class FixRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of fixes, by where they were counted."""

    excel: int = 0
    parquet: int = 0
    manifest: int = 0


def count_fix_rows(s3: S3Client, bucket: str, days: Iterable[date]) -> FixRows:
    """Open each day's manifest, workbook and Parquet file of fixes, and count.

    Raises:
        SetAside: a manifest cannot be read.
    """
    excel = parquet_rows = manifest_rows = 0
    for day in days:
        manifest = decode_manifest(s3.get_object(Bucket=bucket, Key=manifest_key(day))["Body"].read())
        manifest_rows += manifest.parquet_of(_FIXES).rows
        parquet_rows += _parquet_rows(s3, bucket, manifest.parquet_of(_FIXES))
        excel += sum(_excel_rows(s3, bucket, file) for file in manifest.files if file.format == "xlsx")
    return FixRows(excel=excel, parquet=parquet_rows, manifest=manifest_rows)


def _parquet_rows(s3: S3Client, bucket: str, file: DataFile) -> int:
    body = io.BytesIO(s3.get_object(Bucket=bucket, Key=file.key)["Body"].read())
    rows: int = parquet.ParquetFile(body).metadata.num_rows
    return rows


def _excel_rows(s3: S3Client, bucket: str, file: DataFile) -> int:
    """Data rows on the sheets of fixes, of which a large day has several."""
    with tempfile.TemporaryFile() as local:
        s3.download_fileobj(bucket, file.key, local)
        workbook = load_workbook(local, read_only=True)
        sheets = [sheet for sheet in workbook.worksheets if sheet.title.lower().startswith(_FIXES)]
        rows = sum(sum(1 for _ in sheet.iter_rows(min_row=2, max_col=1)) for sheet in sheets)
        workbook.close()
    return rows
