"""The export that runs by itself: each night, once the day is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from pymongo.database import Database

from batch_export.export import ExportResult, export_days
from batch_export.metrics import FAILURES, LAST_SUCCESS, count_day, show_mismatch
from batch_export.store import changed_days, days_with_fixes
from itrack.day import Day
from itrack.errors import TryAgain
from itrack.lease import Lease, LeaseHeld
from itrack.mongo import BOOKMARKS, SLOWEST_WRITE, Document, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.part import Part
from itrack.settings import Settings, load_settings

__all__ = ["BOOKMARK", "due_days", "exported_until", "last_closed_day", "run", "run_once"]

BOOKMARK = "export"
"""`_id` of the bookmark: `closed_through` (the last day exported) and `began_at` (when that run began)."""

_LOOK_EVERY_S = 30.0
_AFTER_A_PROBLEM_S = 900.0


class _Stopped(Exception):
    """SIGTERM came during an export."""


def run(settings: Settings | None = None) -> None:
    """Export each day `export_delay_s` after its end, until SIGTERM.

    Each run also repeats earlier days that got something new since the run before: phones send late, and a stop
    that began before midnight ends after it. The first run exports every closed day that has fixes.

    Raises:
        FixConfiguration: S3 or MongoDB refuses, or the disk is full.
    """
    settings = settings or load_settings()
    with Part("export", settings, settings.export_metrics_port) as part:

        def check() -> None:
            if part.stopping.is_set():
                raise _Stopped

        while not part.stopping.is_set():
            pause_s = _LOOK_EVERY_S
            try:
                result = run_once(settings, check=check)
            except _Stopped:
                return
            except LeaseHeld:
                part.healthy("another export works")
            except TryAgain as error:
                FAILURES.inc()
                part.unhealthy(str(error))
                part.log.warning("export_failed", error=str(error))
            else:
                _report(part, result)
                if result and result.problems:
                    pause_s = _AFTER_A_PROBLEM_S
            part.stopping.wait(pause_s)


def run_once(
    settings: Settings,
    *,
    check: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ExportResult | None:
    """Export what is due; None when nothing is.

    The bookmark moves only when every row of every day is where it should be.

    Raises:
        LeaseHeld: another export works.
        FixConfiguration, TryAgain: as `export_days`; also when the lease was lost.
    """
    began_at = now()
    closed = last_closed_day(began_at, settings)
    with asking_mongodb("look for days to export"):
        database = open_database(settings, part="export")
        try:
            bookmark = database[BOOKMARKS].find_one({"_id": BOOKMARK})
            if bookmark:
                LAST_SUCCESS.set(bookmark["ended_at"].timestamp())
            if bookmark and bookmark["closed_through"] >= closed.date.isoformat():
                return None
            with Lease(database, "export-lease", work="export") as lease:

                def check_both() -> None:
                    lease.check()
                    check()

                days = due_days(database, bookmark, closed)
                result = export_days(database, settings, days, progress=count_day, check=check_both)
            show_mismatch(result.days)
            if not result.problems:
                ended_at = now()
                database[BOOKMARKS].replace_one(
                    {"_id": BOOKMARK},
                    {"closed_through": closed.date.isoformat(), "began_at": began_at, "ended_at": ended_at},
                    upsert=True,
                )
                LAST_SUCCESS.set(ended_at.timestamp())
            return result
        finally:
            database.client.close()


def exported_until(database: Database[Document], settings: Settings) -> datetime | None:
    """Every fix stored before this moment, with a clock that was not ahead, is in its day's files; None before a run.

    Raises:
        PyMongoError: MongoDB is away.
    """
    bookmark = database[BOOKMARKS].find_one({"_id": BOOKMARK})
    if bookmark is None:
        return None
    closed = Day.parse(bookmark["closed_through"], settings.export_zone)
    began_at: datetime = bookmark["began_at"]
    return min(closed.ends_at, began_at - SLOWEST_WRITE)


def last_closed_day(at: datetime, settings: Settings) -> Day:
    """The latest day that ended at least `export_delay_s` ago."""
    today = Day.of(at - timedelta(seconds=settings.export_delay_s), settings.export_zone)
    return Day(today.date - timedelta(days=1), today.zone)


def due_days(database: Database[Document], bookmark: Document | None, closed: Day) -> list[Day]:
    """The days to export, oldest first: all since the bookmark, empty ones too, and those that changed since."""
    if bookmark is None:
        return sorted({day for day in days_with_fixes(database, closed.zone) if day <= closed} | {closed})
    last = date.fromisoformat(bookmark["closed_through"])
    new = {Day(last + timedelta(days=n), closed.zone) for n in range(1, (closed.date - last).days + 1)}
    changed = changed_days(database, bookmark["began_at"], closed.zone)
    return sorted(new | {day for day in changed if day <= closed})


def _report(part: Part, result: ExportResult | None) -> None:
    if result is None:
        part.healthy("every closed day is exported")
    elif result.problems:
        FAILURES.inc()
        part.unhealthy(f"{len(result.problems)} problems, the first: {result.problems[0]}")
        part.log.error("export_does_not_add_up", problems=result.problems)
    else:
        part.healthy("every closed day is exported")
        part.log.info("exported", days=len(result.days), rows=result.parquet_rows)
