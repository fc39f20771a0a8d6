"""What `itrack export` does and says."""

from __future__ import annotations

from pathlib import Path

import typer

from batch_export import schedule as nightly
from batch_export.export import run
from itrack.dataset import Manifest, day_prefix
from itrack.errors import FixConfiguration
from itrack.report_file import require_writable, write_report
from itrack.settings import load_settings

__all__ = ["command"]


def command(*, day: str | None, all_days: bool, schedule: bool, zone: str | None, json: Path | None) -> None:
    """Export and report; exit status 1 when the counts do not add up."""
    settings = load_settings(export_zone=zone)
    if schedule:
        if day or all_days or json:
            raise FixConfiguration("--schedule chooses the days itself: leave --day, --all-days and --json out.")
        nightly.run(settings)
        return
    if json:
        require_writable(json)
    result = run(settings, day=day, all_days=all_days, progress=_say)
    if json:
        write_report(json, result)
    if not result.days:
        typer.echo("There is no fix in MongoDB: nothing was exported.")
    for problem in result.problems:
        typer.echo(f"itrack: {problem}", err=True)
    if result.problems:
        raise typer.Exit(1)


def _say(manifest: Manifest) -> None:
    counts = ", ".join(f"{table.parquet_rows:,} {name}" for name, table in manifest.tables.items())
    state = "" if manifest.is_closed else "; the day is not over yet"
    typer.echo(f"{manifest.day} ({manifest.zone}): {counts} -> {day_prefix(manifest.day)}{state}")
