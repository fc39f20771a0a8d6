"""Exporting days: MongoDB to a workbook and Parquet files, to S3, with the manifest last."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from pymongo.database import Database

from batch_export.parquet import TableFile, count_rows
from batch_export.store import count, days_with_fixes, device_names, records
from batch_export.tables import TABLES, values_of
from batch_export.upload import sha256_of, upload
from batch_export.workbook import DayWorkbook
from itrack.dataset import DataFile, Manifest, TableCount, day_prefix, encode_manifest, manifest_key
from itrack.day import Day
from itrack.errors import FixConfiguration, SetAside
from itrack.lease import Lease
from itrack.mongo import Document, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.s3 import asking_s3, ensure_bucket, open_s3
from itrack.settings import Settings, load_settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["ExportResult", "export_day", "export_days", "run"]

_ATTEMPTS = 3
_PROGRESS_ROWS = 1_000


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an export did.

    Attributes:
        bucket: where it went.
        days: the manifest of each day.
        excel_rows, parquet_rows, manifest_rows: rows of all days and tables, by what was written and by what the
            manifests list as files' rows.
        fix_rows: rows of fixes among them.
        problems: sentences about what does not add up; empty when all is well.
    """

    bucket: str
    days: list[Manifest]
    excel_rows: int
    parquet_rows: int
    manifest_rows: int
    fix_rows: int
    problems: list[str]

    @classmethod
    def of(cls, bucket: str, days: list[Manifest]) -> ExportResult:
        """Add the days up."""
        tables = [table for day in days for table in day.tables.values()]
        files = [file for day in days for file in day.files]
        return cls(
            bucket=bucket,
            days=days,
            excel_rows=sum(table.workbook_rows for table in tables),
            parquet_rows=sum(table.parquet_rows for table in tables),
            manifest_rows=sum(file.rows for file in files if file.format == "parquet"),
            fix_rows=sum(day.tables["fixes"].parquet_rows for day in days),
            problems=[f"{day.day}: {problem}" for day in days for problem in day.problems],
        )


def run(
    settings: Settings | None = None,
    *,
    day: str | None = None,
    all_days: bool = False,
    zone: str | None = None,
    progress: Callable[[Manifest], None] | None = None,
) -> ExportResult:
    """Export one day, or every day that has fixes.

    Args:
        settings: read from the environment when None.
        day: `YYYY-MM-DD`.
        all_days: every day that has at least one fix, wrong clocks included.
        zone: IANA zone that days are cut in; the setting's when None.
        progress: called with each day's manifest once it is on S3.

    Raises:
        FixConfiguration: no or two choices of days, a wrong zone, S3 refuses, or the disk is full.
        TryAgain: MongoDB or S3 is away, or another export is running.
    """
    settings = settings or load_settings()
    zone = zone or settings.export_zone
    if (day is None) == (not all_days):
        raise FixConfiguration("Say which day to export: either --day YYYY-MM-DD or --all-days.")
    chosen = Day.parse(day, zone) if day else None
    with asking_mongodb("read the days"):
        database = open_database(settings, part="export")
        try:
            with Lease(database, "export-lease", work="export") as lease:
                days = [chosen] if chosen else days_with_fixes(database, zone)
                return export_days(database, settings, days, progress=progress, check=lease.check)
        finally:
            database.client.close()


def export_days(
    database: Database[Document],
    settings: Settings,
    days: Iterable[Day],
    *,
    progress: Callable[[Manifest], None] | None = None,
    check: Callable[[], None] = lambda: None,
) -> ExportResult:
    """Export the days one after the other; `check` is called often and may raise to stop."""
    s3 = open_s3(settings)
    ensure_bucket(s3, settings)
    manifests = []
    for day in days:
        manifest = export_day(database, s3, settings, day, check=check)
        manifests.append(manifest)
        if progress:
            progress(manifest)
    return ExportResult.of(settings.s3_bucket, manifests)


def export_day(
    database: Database[Document],
    s3: S3Client,
    settings: Settings,
    day: Day,
    *,
    check: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Manifest:
    """Write one day's files, put them on S3, then its manifest.

    Rows that arrive meanwhile make the counts disagree; then the day is written again, up to three times.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        check()
        with tempfile.TemporaryDirectory(prefix="itrack-export-") as folder:
            try:
                written = _write(database, day, Path(folder), now(), check)
            except OSError as error:
                free_mib = shutil.disk_usage(folder).free // 2**20
                raise FixConfiguration(
                    f"The day {day} cannot be written to {folder} ({error.strerror}; {free_mib} MiB free): "
                    "make room, or set TMPDIR to a larger disk."
                ) from error
            has_moved = any(table.counted_before != table.counted_after for table in written.tables.values())
            if not has_moved or attempt == _ATTEMPTS:
                with asking_s3(settings, f"writing {day_prefix(day.date)}"):
                    _put(s3, settings.s3_bucket, written, Path(folder))
                return written
    raise AssertionError  # the last attempt returns


def _write(database: Database[Document], day: Day, folder: Path, at: datetime, check: Callable[[], None]) -> Manifest:
    is_closed = day.ends_at <= at
    workbook_path = folder / f"itrack-{day}.xlsx"
    workbook = DayWorkbook(workbook_path, day, device_names(database))
    tables = {}
    files = []
    for table in TABLES:
        file = TableFile(folder / f"{table.name}.parquet", table)
        try:
            tables[table.name] = _fill(database, day, file, workbook, check)
        finally:
            file.close()
        files.append(_file(file.path, "parquet", table.name, count_rows(file.path), day))
    workbook.save(is_closed=is_closed, generated_at=at)
    workbook_rows = sum(counted.workbook_rows for counted in tables.values())
    files.append(_file(workbook_path, "xlsx", None, workbook_rows, day))
    return Manifest(
        day=day.date,
        zone=day.zone,
        starts_at=day.starts_at,
        ends_at=day.ends_at,
        is_closed=is_closed,
        generated_at=at,
        generated_by=f"itrack {version('itrack')}",
        problems=[problem for name, counted in tables.items() for problem in _problems(name, counted)],
        tables=tables,
        files=files,
    )


def _fill(
    database: Database[Document], day: Day, file: TableFile, workbook: DayWorkbook, check: Callable[[], None]
) -> TableCount:
    table = file.table
    unreadable = 0
    counted_before = count(database, table, day)
    for index, record in enumerate(records(database, table, day)):
        if index % _PROGRESS_ROWS == 0:
            check()
        if isinstance(record, SetAside):
            unreadable += 1
            continue
        values = values_of(record, table)
        file.append(values)
        workbook.append(table, record, values)
    file.close()
    return TableCount(
        counted_before=counted_before,
        counted_after=count(database, table, day),
        parquet_rows=count_rows(file.path),
        workbook_rows=workbook.rows(table),
        unreadable=unreadable,
    )


def _problems(name: str, counted: TableCount) -> list[str]:
    problems = []
    if counted.unreadable:
        problems.append(f"{counted.unreadable} records of {name} in MongoDB cannot be read and are in no file.")
    if counted.counted_before != counted.counted_after:
        problems.append(
            f"{name} went from {counted.counted_before} to {counted.counted_after} rows in MongoDB during the "
            f"export: the day is still filling. Export it again later."
        )
    elif counted.parquet_rows + counted.unreadable != counted.counted_after:
        problems.append(f"{name} has {counted.counted_after} rows in MongoDB but {counted.parquet_rows} in Parquet.")
    if counted.parquet_rows != counted.workbook_rows:
        problems.append(
            f"{name} has {counted.parquet_rows} rows in Parquet but {counted.workbook_rows} in the workbook."
        )
    return problems


def _file(path: Path, form: str, table: str | None, rows: int, day: Day) -> DataFile:
    return DataFile(
        key=f"{day_prefix(day.date)}{path.name}",
        format=form,
        table=table,
        rows=rows,
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
    )


def _put(s3: S3Client, bucket: str, manifest: Manifest, folder: Path) -> None:
    for file in manifest.files:
        upload(s3, bucket, file.key, folder / Path(file.key).name, file.sha256)
    s3.put_object(
        Bucket=bucket,
        Key=manifest_key(manifest.day),
        Body=encode_manifest(manifest),
        ContentType="application/json",
    )
