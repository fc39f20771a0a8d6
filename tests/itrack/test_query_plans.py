"""Each query of each part on the real MongoDB: by an index, already in order, and reading little that it does not want.

What is explained is what the parts' own functions send, so a query that is added to one of them is judged as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pymongo import MongoClient, monitoring
from pymongo.database import Database

from batch_export.store import changed_days, count, days_with_fixes, device_names, records
from batch_export.tables import TABLES
from itrack.day import Day
from itrack.device import Device
from itrack.errors import FixConfiguration, SetAside
from itrack.fix import Fix
from itrack.forgotten import forgotten_before, note_forgotten
from itrack.lease import Lease
from itrack.mobility import Anomaly, Gap, GeofenceVisit, Mode, Passage, Severity, Staypoint, Trip, Tripleg, Verdict
from itrack.mongo import (
    ANCHORS,
    BOOKMARKS,
    CROWDS,
    DEVICES,
    FINDINGS,
    FIXES,
    FLOWS,
    HABIT_ANOMALIES,
    HOME_WORK,
    REPAIRS,
    REPLAYED_LETTERS,
    RHYTHMS,
    SET_ASIDE,
    WAYS,
    Document,
    ensure_indexes,
    open_database,
)
from itrack.settings import Settings, load_settings
from itrack.trajectory.fleet import Anchor, Repair
from itrack.trajectory.phone import PHONE
from itrack.trajectory.rules import Rules
from itrack.trajectory.words import Finding
from itrack.wire import dead_letter, document_of, fix_document
from live_map.roster import read_devices
from live_map.state import read_state
from live_map.track import read_track
from monitoring.probes.freshness import FreshnessProbe
from retention.limits import Limit
from retention.sweep import sweep
from streaming.anchors import anchor_document, replace_anchors
from streaming.bookmark import BEGINNING, Bookmark, place_bookmark, save_bookmark, take_over_bookmark
from streaming.dead_letters import _pending
from streaming.outlet import Outlet
from streaming.past import findings_since, judge_anew
from streaming.refill import fixes_by_id, fixes_stored_since
from streaming.repairs import forget_repair, repair_document, waiting_repairs
from streaming.sinks import _Batch
from streaming.slot_roll import adopt_bookmarks, call_roll
from streaming.slots import slots_of
from traccar_bridge.bookmarks import BridgeBookmarks
from traccar_bridge.dead_letters import replay_set_aside
from traccar_bridge.store import FixStore

pytestmark = pytest.mark.services

NOW = datetime.now(UTC).replace(microsecond=0)
DAYS, DEVICES_THERE, FIXES_A_DAY = 10, 40, 15
DAY = Day.of(NOW - timedelta(days=3), "UTC")
HABITS = {
    HABIT_ANOMALIES: "happened_at",
    WAYS: "started_at",
    RHYTHMS: "starts_at",
    HOME_WORK: "learnt_at",
    CROWDS: "window_started_at",
    FLOWS: "window_started_at",
}
"""What the judge of habits writes, and the field that each goes by when it is old."""
LAST = {HABIT_ANOMALIES: "judged_at", RHYTHMS: "ends_at"}
"""Until when those speak of that last."""
EXPLAINED = {"find", "aggregate", "count", "distinct", "update", "delete", "findAndModify"}
NOT_OURS = {"lsid", "$db", "$clusterTime", "txnNumber", "startTransaction", "autocommit", "readConcern", "writeConcern"}


def fix(device: int, number: int) -> Fix:
    at = NOW - timedelta(days=DAYS) + timedelta(days=1 / FIXES_A_DAY) * number
    return Fix(
        fix_id=f"main:{device * 10_000 + number}",
        device_id=f"main:{device}",
        fixed_at=at,
        device_at=at,
        server_at=at,
        latitude_deg=47.0,
        longitude_deg=8.0,
        stored_at=at,
    )


def findings(device: int, number: int) -> list[Finding]:
    """One of each kind, in the same order of time as the fixes."""
    started_at = NOW - timedelta(days=DAYS) + timedelta(hours=12) * number
    ended_at, name = started_at + timedelta(hours=1), f"main:{device}:{number}"
    found: dict[str, Any] = {"device_id": f"main:{device}", "judged_at": ended_at, "rules": "r"}
    ended = found | {"started_at": started_at, "ended_at": ended_at}
    aside = fix(device, number)
    return [
        Staypoint(staypoint_id=name, last_fixed_at=ended_at, latitude_deg=1.0, longitude_deg=1.0, fix_count=3, **ended),
        Trip(trip_id=name, from_staypoint_id=None, to_staypoint_id=None, distance_m=1.0, fix_count=3, **ended),
        Tripleg(tripleg_id=name, trip_id=name, mode=Mode.RUN, confidence=1.0, distance_m=1.0, fix_count=3, **ended),
        Gap(gap_id=name, beeline_m=1.0, **ended),
        GeofenceVisit(visit_id=name, fence_id="f", entered_at=started_at, dwelled_at=None,
                      exited_at=ended_at, **found),
        Anomaly(anomaly_id=name, kind="k", severity=Severity.LOW, happened_at=started_at, sentence="s", fix_id=None,
                **found),
        Verdict(fix_id=aside.fix_id, fixed_at=aside.fixed_at, flag="f", reason="r", **found),
        Passage(passage_id=name, device_id=f"main:{device}", cell="c", window_started_at=started_at,
                judged_at=ended_at),
    ]  # fmt: skip


def anchor(device: int, day: int) -> Anchor:
    at_ms = int((NOW - timedelta(days=day, minutes=1)).timestamp() * 1000)
    return Anchor(device_id=f"main:{device}", base=(at_ms, at_ms, 0), phone=bytes(PHONE.itemsize), rules=Rules().name)


def fill(database: Database[Document]) -> None:
    """Some thousands of documents over many devices and days."""
    numbers = range(DEVICES_THERE)
    database[FIXES].insert_many([fix_document(fix(d, n)) for d in numbers for n in range(DAYS * FIXES_A_DAY)])
    database[DEVICES].insert_many(
        [document_of(Device(device_id=f"main:{d}", unique_id="u", name="n")) for d in numbers]
    )
    found: dict[str, list[Document]] = {}
    for each in (each for d in numbers for n in range(2 * DAYS) for each in findings(d, n)):
        found.setdefault(FINDINGS[type(each)], []).append(document_of(each))
    for collection, documents in found.items():
        database[collection].insert_many(documents)
    for collection, field in HABITS.items():
        database[collection].insert_many(
            [
                {
                    "_id": f"{d}:{n}",
                    "device_id": f"main:{d}",
                    "cell": f"c{d}",
                    field: NOW - timedelta(days=n / 2),
                    LAST.get(collection, "to"): NOW - timedelta(days=n / 2),
                }
                for d in numbers
                for n in range(2 * DAYS)
            ]
        )
    database[ANCHORS].insert_many([anchor_document(anchor(d, day)) for d in numbers for day in range(DAYS)])
    repairs = [Repair(device_id=f"main:gone:{n}", number=1, since_ms=0, base=(1, 1, 1)) for n in range(500)]
    database[REPAIRS].insert_many([repair_document(0, repair) for repair in repairs])
    moments = [NOW - timedelta(minutes=10 * n) for n in range(1_500)]
    letters = [dead_letter("traccar:main/x", SetAside("r", "d"), str(at), at) for at in moments]
    database[SET_ASIDE].insert_many([document_of(letter) for letter in letters])
    database[REPLAYED_LETTERS].insert_many([{"_id": str(n), "replayed_at": at} for n, at in enumerate(moments)])
    database[BOOKMARKS].insert_many([{"_id": f"bridge:main/main:{n}", "read_at": NOW, "term": 1} for n in range(1_000)])


def bookmarks(database: Database[Document]) -> None:
    """All that the producer does with its bookmarks."""
    for slot in slots_of(2):
        place_bookmark(database, slot.name, Bookmark(token={"_data": "82"}))
    adopt_bookmarks(database, slots_of(3))
    call_roll(database)
    bookmark = take_over_bookmark(database, slots_of(3)[0].name, 1)
    assert bookmark is not None
    save_bookmark(database, slots_of(3)[0].name, bookmark, 1)


def bridge_writes(database: Database[Document]) -> None:
    """New fixes, known ones and inputs set aside; its bookmarks, all of which `begin` is meant to change."""
    store = FixStore(database, "main")
    some = [fix(1, number) for number in range(200)]
    store.known(range(10_000, 10_200))
    store.holding(some)
    store.write(some)
    store.write_devices([Device(device_id="main:1", unique_id="u", name="n")])
    store.set_aside([dead_letter("traccar:main/x", SetAside("r", "d"), "raw", NOW)])
    own = BridgeBookmarks(database, "main", 1)
    own.save_settled_id(7)
    own.settled_id()
    own.histories()
    own.save_histories(["main:1", "main:2"])
    own.forget_histories(["main:1"])


def analytics_write(database: Database[Document]) -> None:
    """Whatever a micro-batch writes goes by its identifier only."""
    batch, encode = _Batch(), msgspec.msgpack.encode
    for finding in findings(1, 1):
        batch.add(f"kept:{type(finding).__name__}", encode(finding))
    for finding in findings(1, 2):
        batch.add(f"dropped:{type(finding).__name__}", encode(finding))
    batch.add("progress", encode(findings(1, 3)[0]))
    batch.add("anchor", encode(anchor(1, 1)))
    batch.add("repair", encode((0, Repair(device_id="main:1", number=1, since_ms=0, base=(1, 1, 1)))))
    outlet = Outlet(load_settings(kafka_port=1), database, "test", threading.Event())
    for writes in (batch.event_writes, batch.writes, batch.last_writes):
        outlet.store(writes)


def repair(database: Database[Document], since_at: datetime | None) -> None:
    """A repair: where it starts, all that it reads, and what it leaves behind; also `explain` and `replay-day`."""
    anew = judge_anew(database, "main:7", Rules(), since_at=since_at)
    assert len(anew.fixes) == (DAYS * FIXES_A_DAY if since_at is None else 2 * FIXES_A_DAY)
    assert len({type(each) for each in findings_since(database, "main:7", anew.since_at)}) == len(FINDINGS)
    replace_anchors(database, "main:7", NOW - timedelta(days=3), NOW, [anchor(7, 1), anchor(7, 2)])
    waiting = waiting_repairs(database)
    assert len(waiting) == 500
    forget_repair(database, waiting[0].repair)


def delete_old(database: Database[Document], *, is_trial: bool) -> None:
    """The retention at work: half of what there is is over the limit."""
    before_at = NOW - timedelta(days=DAYS / 2)
    limit = Limit(now_at=NOW, wanted_at=before_at, before_at=before_at)
    found = dict(sweep(database, load_settings(kafka_retention_hours=1), limit, is_trial=is_trial))
    assert min(found.values()) > 100, found


def lease(database: Database[Document]) -> None:
    """Taken and returned, and what is gone noted and looked up."""
    with Lease(database, "test-lease", work="test"):
        note_forgotten(database, NOW)
    forgotten_before(database)


def watch(database: Database[Document]) -> None:
    """What the watch asks about fixes."""
    looking = FreshnessProbe(load_settings(), 1.0)
    looking._database = database
    assert len(list(looking.measure())) == 3


QUERIES: dict[str, Callable[[Database[Document]], object]] = {
    "map: state": read_state,
    "map: track": lambda database: read_track(database, "main:7", DAY.starts_at, DAY.ends_at),
    "map: roster": read_devices,
    "export: days": lambda database: list(days_with_fixes(database, "UTC")),
    "export: changed days": lambda database: changed_days(database, NOW - timedelta(days=1), "UTC"),
    "export: names": device_names,
    **{
        f"export: rows of {table.name}": lambda database, table=table: list(records(database, table, DAY))
        for table in TABLES
    },
    **{f"export: count of {table.name}": lambda database, table=table: count(database, table, DAY) for table in TABLES},
    "producer: everything": lambda database: list(fixes_stored_since(database, BEGINNING)),
    "producer: refill": lambda database: list(fixes_stored_since(database, NOW - timedelta(days=1))),
    "producer: by id": lambda database: fixes_by_id(database, [f"main:{n}" for n in range(10_000, 10_050)]),
    "producer: bookmarks": bookmarks,
    "dead letters: pending": lambda database: _pending(
        database, [dead_letter("o", SetAside("r", ""), "raw", NOW)], set()
    ),
    "dead letters: replay": replay_set_aside,
    "retention: trial": lambda database: delete_old(database, is_trial=True),
    "retention": lambda database: delete_old(database, is_trial=False),
    "watch: fixes": watch,
    "bridge: writes": bridge_writes,
    "analytics: writes": analytics_write,
    "analytics: phones to rebuild": lambda database: database[FIXES].distinct("device_id"),
    "analytics: repair": lambda database: repair(database, NOW - timedelta(days=2)),
    "analytics: repair from the beginning": lambda database: repair(database, None),
    "lease": lease,
}


class Recorder(monitoring.CommandListener):
    """Keeps the commands that can be explained."""

    def __init__(self) -> None:
        self.commands: list[Document] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in EXPLAINED:
            self.commands.append({name: value for name, value in event.command.items() if name not in NOT_OURS})

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def database(settings: Settings, recorder: Recorder) -> Iterator[Database[Document]]:
    usual = open_database(settings, part="test")
    fill(usual)
    with MongoClient[Document](settings.mongodb_address, event_listeners=[recorder]) as client:
        yield client.get_database(usual.name, usual.codec_options, usual.read_preference, usual.write_concern)
    usual.client.close()


@pytest.mark.parametrize("name", QUERIES)
def test_query_is_served_by_an_index(database: Database[Document], recorder: Recorder, name: str) -> None:
    """No scan for some documents of a collection, no sorting in memory, no reading of many documents for a few."""
    QUERIES[name](database)
    commands = [single for command in recorder.commands for single in _single_writes(command)]
    assert commands
    for command in commands:
        complaints = _complaints(database, command)
        assert not complaints, f"{complaints} in {command}"


def _single_writes(command: Document) -> Iterator[Document]:
    """A command that can be explained: of several writes, the first three one by one."""
    for many in ("updates", "deletes"):
        if many in command:
            for one in command[many][:3]:
                yield {**command, many: [one]}
            return
    yield command


def _complaints(database: Database[Document], command: Document) -> list[str]:
    explained = database.command("explain", command, verbosity="executionStats")
    plan = [*_stages(explained)]
    statistics = next(_values(explained, "executionStats"))
    named = sum(len(each) for each in _values(command, "$in") if isinstance(each, list))
    wanted = max(statistics["nReturned"], _matched(database, command), *_values(statistics, "nWouldModify"), 0)
    is_all = wanted == database[next(iter(command.values()))].estimated_document_count()
    return [
        complaint
        for complaint, is_true in {
            "COLLSCAN": "COLLSCAN" in plan and not is_all,
            "SORT": "SORT" in plan or any("$sort" in stage for stage in explained.get("stages", ())),
            f"{statistics['totalDocsExamined']} documents read for {wanted}":
                statistics["totalDocsExamined"] > 1.1 * wanted + 10,
            f"{statistics['totalKeysExamined']} keys read for {wanted}":
                statistics["totalKeysExamined"] > 1.1 * wanted + named + 2 * DEVICES_THERE,
        }.items()
        if is_true
    ]  # fmt: skip


def _matched(database: Database[Document], command: Document) -> int:
    """How many documents an aggregation takes in, or a write is meant for."""
    collection, *_ = command.values()
    if "pipeline" in command and "$match" in command["pipeline"][0]:
        return database[collection].count_documents(command["pipeline"][0]["$match"])
    return 0


def _stages(explained: object) -> Iterator[str]:
    """Names of the stages of the plans that won."""
    for plan in _values(explained, "winningPlan"):
        yield from _values(plan, "stage")


def _values(tree: object, name: str) -> Iterator[Any]:
    """Every value of that name, however deep."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield value
            yield from _values(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from _values(value, name)


@pytest.mark.parametrize(
    "theirs",
    [
        {"keys": [("stored_at", 1)], "name": "by_storage"},
        {"keys": [("stored_at", 1)], "name": "arrival", "expireAfterSeconds": 3600},
        {"keys": [("valid", 1)], "name": "arrival"},
    ],
    ids=["other name", "other option", "other field"],
)
def test_an_index_that_is_there_is_never_changed(settings: Settings, theirs: Document) -> None:
    """Another index in the way ends the part with a sentence that names it; what an admin has made stays."""
    database = open_database(settings, part="test")
    fixes = database[FIXES]
    fixes.drop_index("arrival")
    fixes.create_index(**theirs)
    before = fixes.index_information()
    with pytest.raises(FixConfiguration, match=r"arrival on \(stored_at: 1\) of fixes"):
        ensure_indexes(database)
    assert fixes.index_information() == before
    fixes.drop_index(theirs["name"])
    ensure_indexes(database)
    assert "arrival" in fixes.index_information()
    database.client.close()
