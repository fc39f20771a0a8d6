"""The nightly export: every closed day once, late news again, and never two at a time."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from pymongo.database import Database

from batch_export.schedule import BOOKMARK, last_closed_day, run_once
from itrack.fix import Fix
from itrack.mobility import GeofenceVisit, Staypoint
from itrack.mongo import BOOKMARKS, FIXES, STAYPOINTS, VISITS, Document
from itrack.settings import Settings
from itrack.wire import document_of, fix_document

pytestmark = pytest.mark.services

NIGHT = datetime(2026, 3, 30, 3, tzinfo=UTC)


def store(database: Database[Document], number: int, at: datetime, stored_at: datetime) -> None:
    """One fix, stored at a given moment."""
    fix = Fix(
        fix_id=f"main:{number}",
        device_id="main:1",
        fixed_at=at,
        device_at=at,
        server_at=at,
        latitude_deg=52.0,
        longitude_deg=13.0,
        stored_at=stored_at,
    )
    database[FIXES].insert_one(fix_document(fix))


def exported(settings: Settings, at: datetime) -> list[str]:
    """The days that a run at that moment exports."""
    result = run_once(settings, now=lambda: at)
    return [str(manifest.day) for manifest in result.days] if result else []


def test_a_day_is_closed_only_after_the_delay(settings: Settings) -> None:
    """Phones get an hour to send what they measured before midnight."""
    assert last_closed_day(datetime(2026, 3, 30, 0, 59, tzinfo=UTC), settings).date == date(2026, 3, 28)
    assert last_closed_day(datetime(2026, 3, 30, 1, 0, tzinfo=UTC), settings).date == date(2026, 3, 29)


def test_the_first_run_exports_what_there_is_and_the_next_has_nothing_to_do(
    settings: Settings, database: Database[Document]
) -> None:
    """Every closed day that has fixes is exported once; a restart does not repeat it."""
    for number, day in enumerate((1, 5, 30)):
        store(database, number, datetime(2026, 3, day, 12, tzinfo=UTC), NIGHT)
    assert exported(settings, NIGHT) == ["2026-03-01", "2026-03-05", "2026-03-29"]
    assert exported(settings, NIGHT + timedelta(hours=1)) == []


def test_nights_that_were_missed_are_made_up_for(settings: Settings) -> None:
    """After two days away, both days are exported, empty or not."""
    assert exported(settings, NIGHT) == ["2026-03-29"]
    assert exported(settings, NIGHT + timedelta(days=2)) == ["2026-03-30", "2026-03-31"]


def test_earlier_days_with_late_news_are_exported_again(settings: Settings, database: Database[Document]) -> None:
    """A late fix, the end of a stop and the end of a visit from before reach the files of the day they belong to."""
    started_at = datetime(2026, 3, 28, 20, tzinfo=UTC)
    stop = Staypoint(
        staypoint_id="s",
        device_id="main:1",
        started_at=started_at,
        ended_at=None,
        last_fixed_at=started_at,
        latitude_deg=52.0,
        longitude_deg=13.0,
        fix_count=3,
        judged_at=started_at,
        rules="r",
    )
    visit = GeofenceVisit(
        visit_id="v",
        device_id="main:1",
        fence_id="f",
        entered_at=started_at - timedelta(days=1),
        dwelled_at=None,
        exited_at=None,
        judged_at=started_at,
        rules="r",
    )
    database[STAYPOINTS].insert_one(document_of(stop))
    database[VISITS].insert_one(document_of(visit))
    exported(settings, NIGHT)
    store(database, 1, datetime(2026, 3, 3, 12, tzinfo=UTC), NIGHT + timedelta(hours=5))
    ended_at, judged_at = NIGHT - timedelta(minutes=1), NIGHT + timedelta(minutes=1)
    database[STAYPOINTS].update_one({"_id": "s"}, {"$set": {"ended_at": ended_at, "judged_at": judged_at}})
    database[VISITS].update_one({"_id": "v"}, {"$set": {"exited_at": ended_at, "judged_at": judged_at}})
    assert exported(settings, NIGHT + timedelta(days=1)) == ["2026-03-03", "2026-03-27", "2026-03-28", "2026-03-30"]


def test_the_bookmark_stays_when_the_counts_disagree(settings: Settings, database: Database[Document]) -> None:
    """A night that did not add up is tried again and shows, also when its last day was right."""
    store(database, 1, datetime(2026, 3, 28, 12, tzinfo=UTC), NIGHT)
    database[FIXES].update_one({"_id": "main:1"}, {"$set": {"schema": 99}})
    assert exported(settings, NIGHT) == ["2026-03-28", "2026-03-29"]
    assert database[BOOKMARKS].find_one({"_id": BOOKMARK}) is None
    assert REGISTRY.get_sample_value("itrack_export_mismatch_rows", {"table": "fixes"}) == 1
    assert exported(settings, NIGHT) == ["2026-03-28", "2026-03-29"]


@contextmanager
def scheduled_export(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The scheduled export as a program of its own, killed at the end if it still runs."""
    code = "from batch_export.schedule import run; run()"
    environment = os.environ | {
        "ITRACK_MONGODB_DATABASE": settings.mongodb_database,
        "ITRACK_MONGODB_PORT": str(settings.mongodb_port),
        "ITRACK_S3_BUCKET": settings.s3_bucket,
        "ITRACK_S3_PORT": str(settings.s3_port),
        "ITRACK_EXPORT_METRICS_PORT": str(settings.export_metrics_port),
    }
    program = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        yield program
    finally:
        program.kill()
        program.wait()


def test_the_program_serves_metrics_and_stops_on_sigterm(settings: Settings) -> None:
    """The scheduled export is a part like any other: healthy, measurable, gone within seconds of SIGTERM."""
    with scheduled_export(settings) as program:
        metrics = wait_for_text(f"{settings.export_metrics_port}/metrics", "itrack_export_days_total 1.0")
        assert "itrack_export_last_success_timestamp_seconds" in metrics
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=10) == 0


def test_a_second_schedule_is_well_while_the_first_works(settings: Settings, database: Database[Document]) -> None:
    """A spare that waits for its turn is no failure and alarms nobody."""
    database[BOOKMARKS].insert_one(
        {"_id": "export-lease", "holder": "other:1", "until_at": datetime.now(UTC) + timedelta(hours=1)}
    )
    with scheduled_export(settings):
        health = wait_for_text(f"{settings.export_metrics_port}/healthz", "another export works")
        assert '"healthy": true' in health
        assert "itrack_export_failures_total 0.0" in wait_for_text(f"{settings.export_metrics_port}/metrics", "itrack")


def wait_for_text(where: str, expected: str) -> str:
    """What a port and path answer, once it holds what is expected."""
    deadline = time.monotonic() + 60
    text = ""
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{where}", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            text = ""
        if expected in text:
            return text
        time.sleep(0.2)
    raise AssertionError(f"{expected!r} did not come in:\n{text[-2000:]}")
