"""Metrics of the scheduled export."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from itrack.dataset import Manifest

__all__ = ["FAILURES", "LAST_SUCCESS", "count_day"]

LAST_SUCCESS = Gauge(
    "itrack_export_last_success_timestamp_seconds", "When the last nightly export ended without a problem."
)
FAILURES = Counter("itrack_export_failures_total", "Nightly exports that did not end well.")
_DAYS = Counter("itrack_export_days_total", "Days exported, repeats included.")
_ROWS = Counter("itrack_export_rows_total", "Rows written to Parquet.", ["table"])
_BYTES = Counter("itrack_export_bytes_total", "Bytes put on S3.", ["format"])
_MISMATCH = Gauge(
    "itrack_export_mismatch_rows", "Rows by which MongoDB and the last exported day's files disagree.", ["table"]
)


def count_day(manifest: Manifest) -> None:
    """Count one day that was put on S3."""
    _DAYS.inc()
    for name, table in manifest.tables.items():
        _ROWS.labels(name).inc(table.parquet_rows)
        _MISMATCH.labels(name).set(table.mismatch_rows)
    for file in manifest.files:
        _BYTES.labels(file.format).inc(file.size_bytes)
