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
from itrack.forgotten import forgotten_before
from itrack.mobility import Anomaly, Gap, GeofenceVisit, Mode, Passage, Severity, Staypoint, Trip, Tripleg, Verdict
from itrack.mongo import (
    ANCHORS,
    ANOMALIES,
    BOOKMARKS,
    DEVICES,
    FIXES,
    GAPS,
    HABIT_ANOMALIES,
    LIVES,
    PASSAGES,
    REPAIRS,
    REPLAYED_LETTERS,
    RHYTHMS,
    SET_ASIDE,
    STAYPOINTS,
    TRIPLEGS,
    TRIPS,
    VERDICTS,
    VISITS,
    WAYS,
    Document,
    open_database,
)
from itrack.settings import Settings
from itrack.trajectory.fleet import Anchor, Repair
from itrack.wire import dead_letter, document_of, fix_document
from retention.limits import find_limit, limit_of
from retention.sweep import AGED, SPANS
from streaming.anchors import anchor_document
from streaming.bookmark import BEGINNING, Bookmark, place_bookmark
from streaming.repairs import repair_document
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
    kept = {DEVICES, BOOKMARKS, REPAIRS, LIVES}
    named = {name: value for name, value in vars(mongo).items() if name.isupper() and not name.startswith("_")}
    collections = {value for value in named.values() if isinstance(value, str)}
    assert {FIXES, VERDICTS, ANCHORS, *SPANS, *AGED} | kept == collections


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


def findings(name: str, device: str, at: datetime, fix_id: str = "none") -> dict[str, Document]:
    """One of each kind, of the hour before a moment; a stop and a visit that go on."""
    found: dict[str, Any] = {"device_id": device, "judged_at": at, "rules": "r"}
    begun = found | {"started_at": at - timedelta(hours=1)}
    ended = begun | {"ended_at": at}
    made = {
        STAYPOINTS: Staypoint(staypoint_id=name, last_fixed_at=at, latitude_deg=47.0, longitude_deg=8.0, fix_count=1,
                              **begun, ended_at=None),
        TRIPS: Trip(trip_id=name, from_staypoint_id=None, to_staypoint_id=None, distance_m=1.0, fix_count=1, **ended),
        TRIPLEGS: Tripleg(tripleg_id=name, trip_id=name, mode=Mode.WALK, confidence=1.0, distance_m=1.0, fix_count=1,
                          **ended),
        GAPS: Gap(gap_id=name, beeline_m=1.0, **ended),
        VISITS: GeofenceVisit(visit_id=name, fence_id="f", entered_at=begun["started_at"], dwelled_at=None,
                              exited_at=None, **found),
        ANOMALIES: Anomaly(anomaly_id=name, kind="k", severity=Severity.LOW, happened_at=at, sentence="s", fix_id=None,
                           **found),
        VERDICTS: Verdict(fix_id=fix_id, fixed_at=at, flag="f", reason="r", **found),
        PASSAGES: Passage(passage_id=name, device_id=device, cell="c", judged_at=at,
                          window_started_at=at - timedelta(minutes=5)),
    }  # fmt: skip
    of_habit: dict[str, Document] = {
        HABIT_ANOMALIES: {"happened_at": at, "judged_at": at},
        WAYS: {"started_at": at},
        RHYTHMS: {"starts_at": at - timedelta(hours=1), "ends_at": at},
    }
    return {collection: document_of(each) for collection, each in made.items()} | {
        collection: {"_id": name, "device_id": device} | span for collection, span in of_habit.items()
    }


def anchor(device: str, base_at: datetime) -> Document:
    at_ms = int(base_at.timestamp() * 1000)
    return anchor_document(Anchor(device_id=device, base=(at_ms, at_ms, 1), phone=b"", rules="r"))


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
    fixes = {
        "gone": fix("1", OLD, OLD, "main:gone"),
        "late": fix("2", YOUNG, OLD, "main:late"),
        "recorded": fix("3", YOUNG, long_ago, "main:recorded"),
        "young": fix("4", YOUNG, YOUNG, "main:young"),
    }
    for name, document in fixes.items():
        database[FIXES].insert_one(document)
        found = findings(name, f"main:{name}", document["fixed_at"], document["_id"])
        for collection, finding in found.items():
            database[collection].insert_one(finding)
    said = run("--dry-run")
    assert all(f"{collection}: 1 would be deleted" in said for collection in (FIXES, VERDICTS, *SPANS))
    assert all(len(left(database, collection)) == 4 for collection in (FIXES, VERDICTS, *SPANS))
    assert forgotten_before(database) is None
    run()
    for collection in SPANS:
        assert left(database, collection) == {"late", "recorded", "young"}, collection
    assert left(database, VERDICTS) == left(database, FIXES) == {"2", "3", "4"}


@pytest.mark.services
def test_what_goes_on_stays(database: Database[Document], run: Any) -> None:
    """A stop and a visit that began before the limit stay while there are fixes of their time."""
    database[FIXES].insert_many([fix("1", OLD, OLD), fix("2", NOW, NOW)])
    found = findings("since long", "main:1", OLD)
    database[STAYPOINTS].insert_one(found[STAYPOINTS] | {"last_fixed_at": NOW})
    database[VISITS].insert_one(found[VISITS])
    database[TRIPS].insert_one(found[TRIPS])
    run()
    assert [left(database, each) for each in (STAYPOINTS, VISITS, TRIPS)] == [{"since long"}, {"since long"}, set()]


@pytest.mark.services
def test_an_anchor_goes_before_the_first_fix_after_it(database: Database[Document], run: Any) -> None:
    """No repair goes on from a state after which fixes are missing; one may where none came until the limit."""
    hour, limit_at = timedelta(hours=1), NOW - timedelta(days=30)
    database[ANCHORS].insert_many(
        [
            anchor("main:day", OLD - hour),
            anchor("main:day", YOUNG),
            anchor("main:night", OLD - hour),
            anchor("main:night", limit_at - 3 * hour),
        ]
    )
    database[FIXES].insert_many(
        [
            *(fix(f"d{n}", limit_at + n * hour, limit_at + n * hour, "main:day") for n in (-2, -1, 1, 2)),
            *(fix(f"n{n}", limit_at + n * hour, limit_at + n * hour, "main:night") for n in (-4, -3, 1, 2)),
        ]
    )
    assert "anchors: 2 would be deleted" in run("--dry-run")
    run()
    kept = {(each["device_id"], each["base_at"]) for each in database[ANCHORS].find()}
    assert kept == {("main:day", YOUNG), ("main:night", limit_at - 3 * hour)}
    assert left(database, FIXES) == {"d1", "d2", "n1", "n2"}


@pytest.mark.services
def test_the_past_that_is_to_be_judged_anew_stays_whole(database: Database[Document], run: Any) -> None:
    """While a late fix of a phone waits for its repair, nothing of that phone goes, and the command says so."""
    for device in ("main:waits", "main:1"):
        database[FIXES].insert_many([fix(f"{device} {n}", OLD, OLD, device) for n in range(2)])
        database[ANCHORS].insert_one(anchor(device, OLD - timedelta(hours=1)))
        for collection, finding in findings(device, device, OLD, f"{device} 0").items():
            database[collection].insert_one(finding)
        database[TRIPS].insert_one(findings(f"{device} without fixes", device, OLD - timedelta(days=1))[TRIPS])
    repair = Repair(device_id="main:waits", number=1, since_ms=0, base=(1, 1, 1))
    database[REPAIRS].insert_one(repair_document(0, repair))
    assert "All of 1 phones stays, such as main:waits" in run()
    for collection in (FIXES, VERDICTS, ANCHORS, *SPANS):
        kept = [each["device_id"] for each in database[collection].find()]
        assert set(kept) == {"main:waits"}, collection
    assert left(database, TRIPS) == {"main:waits", "main:waits without fixes"}
    database[REPAIRS].delete_many({})
    run()
    assert not any(left(database, collection) for collection in (FIXES, VERDICTS, ANCHORS, *SPANS))


@pytest.mark.services
def test_it_is_noted_from_when_on_the_past_is_whole(database: Database[Document], run: Any) -> None:
    """Who judges the past by what is left can know that something is missing; the moment never moves back."""
    assert forgotten_before(database) is None
    run()
    first_at = forgotten_before(database)
    assert first_at is not None
    assert abs(first_at - (datetime.now(UTC) - timedelta(days=30))) < timedelta(minutes=5)
    run(days=300)
    assert forgotten_before(database) == first_at


@pytest.mark.services
def test_the_rest_goes_by_its_own_age(settings: Settings, database: Database[Document], run: Any) -> None:
    """Inputs set aside go; which letters were replayed is remembered as long as Kafka keeps them."""
    for name, at in {"old": OLD, "young": YOUNG}.items():
        letter = document_of(dead_letter("bridge:x", SetAside("r", "d"), name, at)) | {"_id": name}
        database[SET_ASIDE].insert_one(letter)
        for collection in set(AGED) - {SET_ASIDE}:
            database[collection].insert_one({"_id": name, AGED[collection]: at})
    run()
    assert [left(database, collection) for collection in AGED] == [{"young"}] * len(AGED)
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
