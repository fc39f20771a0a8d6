"""Metrics of the scheduled export."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from itrack.dataset import Manifest

__all__ = ["FAILURES", "LAST_SUCCESS", "count_day", "show_mismatch"]

LAST_SUCCESS = Gauge(
    "itrack_export_last_success_timestamp_seconds", "When the last nightly export ended without a problem."
)
FAILURES = Counter("itrack_export_failures_total", "Nightly exports that did not end well.")
_DAYS = Counter("itrack_export_days_total", "Days exported, repeats included.")
_ROWS = Counter("itrack_export_rows_total", "Rows written to Parquet.", ["table"])
_BYTES = Counter("itrack_export_bytes_total", "Bytes put on S3.", ["format"])
_MISMATCH = Gauge(
    "itrack_export_mismatch_rows", "Rows by which MongoDB and the files of the last nightly export disagree.", ["table"]
)


def count_day(manifest: Manifest) -> None:
    """Count one day that was put on S3."""
    _DAYS.inc()
    for name, table in manifest.tables.items():
        _ROWS.labels(name).inc(table.parquet_rows)
    for file in manifest.files:
        _BYTES.labels(file.format).inc(file.size_bytes)


def show_mismatch(manifests: Iterable[Manifest]) -> None:
    """Show by how many rows the days of one night disagree, added up."""
    rows: dict[str, int] = {}
    for manifest in manifests:
        for name, table in manifest.tables.items():
            rows[name] = rows.get(name, 0) + table.mismatch_rows
    for name, mismatch in rows.items():
        _MISMATCH.labels(name).set(mismatch)
