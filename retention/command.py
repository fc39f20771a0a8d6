"""What `itrack retention` does and says."""

from __future__ import annotations

import typer

from itrack.errors import FixConfiguration
from itrack.forgotten import note_forgotten
from itrack.lease import Lease
from itrack.mongo import open_database
from itrack.settings import load_settings
from retention.limits import find_limit
from retention.sweep import sweep

__all__ = ["command"]


def command(*, is_trial: bool) -> None:
    """Delete and report.

    Raises:
        FixConfiguration: there is no retention.
        TryAgain: MongoDB is away, or another one deletes; what is done stays done.
    """
    settings = load_settings()
    if settings.retention_days is None:
        raise FixConfiguration("ITRACK_RETENTION_DAYS is not set, so that everything is kept. Nothing was deleted.")
    database = open_database(settings, part="retention")
    try:
        with Lease(database, "retention-lease", work="retention") as lease:
            limit = find_limit(database, settings, settings.retention_days)
            if limit.waits_for:
                typer.echo(f"Fixes wait: {limit.waits_for}.")
            if limit.spared:
                typer.echo(
                    f"All of {len(limit.spared):,} phones stays, such as {limit.spared[0]}: "
                    "late fixes of theirs wait for the analytics to judge their past anew."
                )
            if limit.before_at is not None and not is_trial:
                note_forgotten(database, limit.before_at)
            for collection, count in sweep(database, settings, limit, is_trial=is_trial, check=lease.check):
                typer.echo(f"{collection}: {count:,} {'would be deleted' if is_trial else 'deleted'}")
    finally:
        database.client.close()
