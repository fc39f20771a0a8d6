"""What is old goes, on the real MongoDB, and nothing that somebody still needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.database import Database
from typer.testing import CliRunner

from batch_export import schedule
from itrack import mongo
from itrack.cli import app
from itrack.day import Day
from itrack.errors import FixConfiguration, SetAside
from itrack.fix import Fix
from itrack.mobility import Anomaly, Gap, Severity, Staypoint, Trip
from itrack.mongo import (
    ANOMALIES,
    BOOKMARKS,
    CELL_COUNTS,
    DEVICES,
    FIXES,
    GAPS,
    REPLAYED_LETTERS,
    SET_ASIDE,
    STAYPOINTS,
    TRIPS,
    Document,
    open_database,
)
from itrack.settings import Settings
from itrack.wire import dead_letter, document_of, fix_document
from retention.limits import find_limit, limit_of
from retention.sweep import AGED, FINDINGS
from streaming.bookmark import BEGINNING, Bookmark, place_bookmark
from streaming.slots import slots_of

NOW = datetime.now(UTC).replace(microsecond=0)
OLD, YOUNG = NOW - timedelta(days=31), NOW - timedelta(days=29)
IN_1901, IN_2099 = datetime(1901, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)

moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(now_at=moments, days=st.integers(1, 1000), published_at=moments, exported_at=st.none() | moments)
def test_nothing_goes_before_its_time_or_before_it_is_published_and_exported(
    now_at: datetime, days: int, published_at: datetime, exported_at: datetime | None
) -> None:
    """The limit is the earliest of what retention, producer and export allow, and says who holds it back."""
    limit = limit_of(now_at, days, published_at, exported_at)
    assert limit.before_at == min(now_at - timedelta(days=days), published_at, exported_at or published_at)
    assert bool(limit.waits_for) == (limit.before_at < limit.wanted_at)
    assert limit_of(now_at, days, None, exported_at).before_at is None


def test_every_collection_has_a_rule() -> None:
    """A collection that is added is deleted from, or kept on purpose."""
    kept = {DEVICES, BOOKMARKS}
    named = {name: value for name, value in vars(mongo).items() if name.isupper() and not name.startswith("_")}
    collections = {value for value in named.values() if isinstance(value, str)}
    assert {FIXES, *FINDINGS, *AGED} | kept == collections


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    """A producer has published everything so far."""
    database = open_database(settings, part="test")
    place_bookmark(database, "producer", Bookmark(token={"_data": "82"}, position_at=NOW))
    yield database
    database.client.close()


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command with a retention of 30 days: what it says."""

    def run(*arguments: str, days: int | None = 30) -> str:
        own = settings.model_copy(update={"retention_days": days})
        monkeypatch.setattr("retention.command.load_settings", lambda: own)
        done = CliRunner().invoke(app, ["retention", *arguments])
        if done.exception is not None:
            raise done.exception
        return done.output

    return run


def fix(name: str, stored_at: datetime | None, fixed_at: datetime, device: str = "main:1") -> Document:
    made = Fix(
        fix_id=name,
        device_id=device,
        fixed_at=fixed_at,
        device_at=fixed_at,
        server_at=NOW,
        latitude_deg=47.0,
        longitude_deg=8.0,
        stored_at=stored_at,
    )
    return fix_document(made)


def findings(name: str, device: str, at: datetime) -> dict[str, Document]:
    """One of each kind, of the hour before a moment."""
    began: dict[str, Any] = {"device_id": device, "started_at": at - timedelta(hours=1), "rules": "r"}
    made = {
        STAYPOINTS: Staypoint(staypoint_id=name, ended_at=None, last_fixed_at=at, latitude_deg=47.0, longitude_deg=8.0,
                              fix_count=1, **began),
        TRIPS: Trip(trip_id=name, ended_at=at, from_staypoint_id=None, to_staypoint_id=None, distance_m=1.0,
                    fix_count=1, **began),
        GAPS: Gap(gap_id=name, ended_at=at, beeline_m=1.0, **began),
        ANOMALIES: Anomaly(anomaly_id=name, device_id=device, kind="k", severity=Severity.LOW, happened_at=at,
                           sentence="s", fix_id=None, rules="r"),
    }  # fmt: skip
    return {collection: document_of(each) for collection, each in made.items()}


def left(database: Database[Document], collection: str) -> set[str]:
    return {document["_id"] for document in database[collection].find()}


@pytest.mark.services
def test_fixes_go_by_the_time_they_were_stored(database: Database[Document], run: Any) -> None:
    """A wrong clock neither deletes a fix at once nor keeps it for ever; one without `stored_at` stays."""
    database[FIXES].insert_many(
        [
            fix("old", OLD, OLD),
            fix("old, clock ahead", OLD, IN_2099),
            fix("young", YOUNG, YOUNG),
            fix("young, clock behind", YOUNG, IN_1901),
            fix("unknown", None, OLD),
        ]
    )
    assert "fixes: 2 deleted" in run()
    assert left(database, FIXES) == {"young", "young, clock behind", "unknown"}
    assert "fixes: 0 deleted" in run()


@pytest.mark.services
def test_findings_go_with_the_fixes_they_were_found_in(database: Database[Document], run: Any) -> None:
    """What was found long ago goes; what was found in an old time that arrived lately stays, as its fixes do."""
    long_ago = NOW - timedelta(days=4000)
    database[FIXES].insert_many(
        [
            fix("1", OLD, OLD, "main:gone"),
            fix("2", YOUNG, OLD, "main:late"),
            fix("3", YOUNG, long_ago, "main:recorded"),
            fix("4", YOUNG, YOUNG, "main:young"),
        ]
    )
    for device, at in {"gone": OLD, "late": OLD, "recorded": long_ago, "young": YOUNG}.items():
        for collection, document in findings(device, f"main:{device}", at).items():
            database[collection].insert_one(document)
    said = run("--dry-run")
    assert all(f"{collection}: 1 would be deleted" in said for collection in (FIXES, *FINDINGS))
    assert all(len(left(database, collection)) == 4 for collection in (FIXES, *FINDINGS))
    run()
    for collection in FINDINGS:
        assert left(database, collection) == {"late", "recorded", "young"}


@pytest.mark.services
def test_the_rest_goes_by_its_own_age(settings: Settings, database: Database[Document], run: Any) -> None:
    """Inputs set aside and counts go; which letters were replayed is remembered as long as Kafka keeps them."""
    for name, at in {"old": OLD, "young": YOUNG}.items():
        letter = document_of(dead_letter("bridge:x", SetAside("r", "d"), name, at)) | {"_id": name}
        database[SET_ASIDE].insert_one(letter)
        database[CELL_COUNTS].insert_one({"_id": name, "window_started_at": at})
        database[REPLAYED_LETTERS].insert_one({"_id": name, "replayed_at": at})
    run()
    assert [left(database, collection) for collection in AGED] == [{"young"}] * 3
    hour = timedelta(hours=1)
    for hours in (settings.kafka_retention_hours - 1, settings.kafka_retention_hours + 1):
        database[REPLAYED_LETTERS].insert_one({"_id": str(hours), "replayed_at": NOW - hours * hour})
    run(days=1)
    assert left(database, REPLAYED_LETTERS) == {str(settings.kafka_retention_hours - 1)}


@pytest.mark.services
@pytest.mark.parametrize(
    "bookmarks",
    [
        {},
        {"producer:0/2": Bookmark(token={"_data": "82"}, position_at=NOW)},
        {"producer": Bookmark(token={"_data": "82"}, position_at=OLD)},
        {"producer": Bookmark(token={"_data": "82"}, position_at=NOW, refill_from_at=BEGINNING)},
        {
            "producer:0/2": Bookmark(token={"_data": "82"}, position_at=NOW),
            "producer:1/2": Bookmark(token={"_data": "82"}, position_at=OLD),
        },
    ],
    ids=["no producer yet", "a slot without a bookmark", "far behind", "reading again", "one slot far behind"],
)
def test_what_is_not_published_stays(database: Database[Document], run: Any, bookmarks: dict[str, Bookmark]) -> None:
    """However old a fix is, it is on Kafka before it goes from MongoDB, whichever slot it is in."""
    database[BOOKMARKS].delete_many({})
    for name, bookmark in bookmarks.items():
        place_bookmark(database, name, bookmark)
    database[FIXES].insert_one(fix("unpublished", OLD, OLD))
    assert "Fixes wait: " in run()
    assert left(database, FIXES) == {"unpublished"}
    for slot in slots_of(len(bookmarks) or 1):
        place_bookmark(database, slot.name, Bookmark(token={"_data": "82"}, position_at=NOW))
    database[BOOKMARKS].delete_many({"_id": "producer:0/2"} if len(bookmarks) == 1 else {"_id": "none"})
    assert "fixes: 1 deleted" in run()


@pytest.mark.services
def test_what_is_not_exported_stays_where_the_export_runs(
    settings: Settings, database: Database[Document], run: Any
) -> None:
    """Where the nightly export is in use, a fix goes only when its day is in files that were begun after it came."""
    day = Day.of(OLD, settings.export_zone)
    database[FIXES].insert_one(fix("unexported", OLD, OLD))
    exported: Document = {"_id": schedule.BOOKMARK, "ended_at": NOW}
    for closed_through, began_at in ((day.starts_at - timedelta(hours=1), NOW), (NOW, OLD - timedelta(minutes=1))):
        of_day = Day.of(closed_through, settings.export_zone).date.isoformat()
        database[BOOKMARKS].replace_one(
            {"_id": schedule.BOOKMARK}, exported | {"closed_through": of_day, "began_at": began_at}, upsert=True
        )
        assert "Fixes wait: the export" in run()
        assert left(database, FIXES) == {"unexported"}
    database[BOOKMARKS].update_one({"_id": schedule.BOOKMARK}, {"$set": {"began_at": NOW}})
    assert "fixes: 1 deleted" in run()


@pytest.mark.services
def test_without_the_setting_nothing_is_deleted(settings: Settings, database: Database[Document], run: Any) -> None:
    """Who has not set a retention keeps everything, and is told so."""
    database[FIXES].insert_one(fix("old", OLD, OLD))
    with pytest.raises(FixConfiguration, match="ITRACK_RETENTION_DAYS"):
        run(days=None)
    assert left(database, FIXES) == {"old"}
    assert find_limit(database, settings, 30).before_at is not None
