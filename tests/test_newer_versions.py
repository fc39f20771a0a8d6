"""Each reader sets aside a record of a version that it does not know, whatever else is in it, and goes on.

The producer's, the analytics' and the feed's readers are tested with their parts (`unknown_schema`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer
from prometheus_client import REGISTRY
from pymongo.database import Database

from batch_export.store import records
from batch_export.tables import TABLES
from itrack.day import Day
from itrack.device import Device
from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mobility import (
    FINDING_SCHEMA,
    Anomaly,
    Event,
    EventKind,
    Gap,
    GeofenceVisit,
    Mode,
    Passage,
    Severity,
    Staypoint,
    Trip,
    Tripleg,
    Verdict,
)
from itrack.mongo import (
    ANOMALIES,
    DEVICES,
    FINDINGS,
    FIXES,
    GAPS,
    PASSAGES,
    SET_ASIDE,
    STAYPOINTS,
    TRIPLEGS,
    TRIPS,
    VERDICTS,
    VISITS,
    Document,
    open_database,
)
from itrack.settings import Settings
from itrack.wire import (
    dead_letter,
    decode_dead_letter,
    decode_event,
    decode_fix,
    document_of,
    encode,
    encode_fix,
    encode_fix_document,
    fix_of_document,
    struct_of_document,
)
from live_map.state import read_state
from live_map.track import read_track
from streaming.dead_letters import count_dead_letters, replay_dead_letters
from streaming.past import findings_since
from traccar_bridge.dead_letters import replay_set_aside

AT = datetime(2026, 3, 29, 12, tzinfo=UTC)
DAY = Day(date(2026, 3, 29))
NEWER = 99
FOUND: dict[str, Any] = {"device_id": "main:1", "judged_at": AT, "rules": "r"}
SPAN = FOUND | {"started_at": AT, "ended_at": AT}
FIX = Fix(
    fix_id="main:1",
    device_id="main:1",
    fixed_at=AT,
    device_at=AT,
    server_at=AT,
    latitude_deg=47.0,
    longitude_deg=8.0,
    stored_at=AT,
)
GAP = Gap(gap_id="g", beeline_m=1.0, **SPAN)
LETTER = dead_letter("traccar:main/position", SetAside("r", "d"), "raw", AT)
EVENT = Event(
    event_id="e", kind=EventKind.GAP_FOUND, device_id="main:1", happened_at=AT, knowable_at=AT, gap=GAP, published_at=AT
)
RECORDS: dict[str, msgspec.Struct] = {
    FIXES: FIX,
    DEVICES: Device(device_id="main:1", unique_id="1", name="Ada"),
    STAYPOINTS: Staypoint(
        staypoint_id="s", last_fixed_at=AT, latitude_deg=47.0, longitude_deg=8.0, fix_count=1, **SPAN
    ),
    TRIPS: Trip(trip_id="t", from_staypoint_id=None, to_staypoint_id=None, distance_m=1.0, fix_count=2, **SPAN),
    TRIPLEGS: Tripleg(tripleg_id="l", trip_id="t", mode=Mode.WALK, confidence=1.0, distance_m=1.0, fix_count=2, **SPAN),
    GAPS: GAP,
    VISITS: GeofenceVisit(visit_id="v", fence_id="f", entered_at=AT, dwelled_at=None, exited_at=None, **FOUND),
    ANOMALIES: Anomaly(
        anomaly_id="a", kind="k", severity=Severity.LOW, happened_at=AT, sentence="s", fix_id=None, **FOUND
    ),
    VERDICTS: Verdict(fix_id="main:1", fixed_at=AT, flag="f", reason="r", **FOUND),
    PASSAGES: Passage(passage_id="p", device_id="main:1", cell="c", window_started_at=AT, judged_at=AT),
    SET_ASIDE: LETTER,
}


def newer(record: msgspec.Struct) -> Document:
    return document_of(record) | {"_id": "newer", "schema": NEWER}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_documents_carry_a_version_and_others_are_refused(record: msgspec.Struct) -> None:
    """What is written says its version; another one is refused even when every field fits, or none does."""
    document = document_of(record)
    assert document["schema"] == (FINDING_SCHEMA if type(record) in FINDINGS else 1)
    readers = [lambda each: struct_of_document(each, type(record))]
    if isinstance(record, Fix):
        readers += [fix_of_document, encode_fix_document]
    for reader in readers:
        reader(document)
        for other in (newer(record), {"_id": "newer", "schema": NEWER}, document | {"schema": "1"}):
            with pytest.raises(SetAside, match="unknown_schema"):
                reader(other)


@pytest.mark.parametrize(
    ("decode", "value"),
    [(decode_fix, encode_fix(FIX)), (decode_event, encode(EVENT)), (decode_dead_letter, encode(LETTER))],
    ids=["fix", "event", "letter"],
)
def test_messages_of_another_version_are_refused(decode: Any, value: bytes) -> None:
    """The same for Kafka."""
    decode(value)
    for other in (msgspec.json.decode(value) | {"schema": NEWER}, {"schema": NEWER, "shape": "unheard of"}):
        with pytest.raises(SetAside, match="unknown_schema"):
            decode(msgspec.json.encode(other))


def test_a_document_from_before_there_were_versions_is_of_the_first() -> None:
    """A device that was stored without a version is read; a finding is refused, since findings have changed."""
    for record in (RECORDS[DEVICES], GAP):
        document = document_of(record)
        del document["schema"]
        if record is GAP:
            with pytest.raises(SetAside, match="unknown_schema"):
                struct_of_document(document, Gap)
        else:
            assert struct_of_document(document, type(record)) == record


@pytest.mark.services
def test_a_repair_goes_on_without_what_it_cannot_read(database: Database[Document]) -> None:
    """Findings of another version are left out; those that can be read are compared."""
    assert {type(each) for each in findings_since(database, "main:1", None)} == set(FINDINGS)
    assert len(list(findings_since(database, "main:1", None))) == len(FINDINGS)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    """One readable and one newer record in each collection."""
    database = open_database(settings, part="test")
    for collection, record in RECORDS.items():
        database[collection].insert_many([document_of(record), newer(record)])
    yield database
    database.client.close()


def set_aside_by_map() -> float:
    return REGISTRY.get_sample_value("itrack_map_set_aside_total", {"reason": "unknown_schema"}) or 0.0


@pytest.mark.services
def test_map_shows_what_it_can_read(database: Database[Document]) -> None:
    """A page gets every readable record; the others are counted, not shown and not guessed."""
    before = set_aside_by_map()
    state = read_state(database)
    shown = [len(each) for each in (state.devices, state.fixes, state.staypoints, state.trips, state.anomalies)]
    assert shown == [1, 1, 1, 1, 1]
    assert set_aside_by_map() - before >= 5
    assert read_track(database, "main:1", DAY.starts_at, DAY.ends_at).fix_count == 1


@pytest.mark.services
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_export_counts_what_it_cannot_read(database: Database[Document], table: Any) -> None:
    """Each table gets its readable row, and one that is told as unreadable."""
    found = list(records(database, table, DAY))
    assert [type(each) for each in found].count(SetAside) == 1
    assert RECORDS[table.collection] in found


@pytest.mark.services
def test_replay_leaves_newer_letters_where_they_are(settings: Settings, database: Database[Document]) -> None:
    """Neither a newer letter nor a newer fix in a letter is published or removed."""
    kafka = KafkaProducer(bootstrap_servers=settings.kafka_address)
    newer_fix = msgspec.json.encode(msgspec.json.decode(encode_fix(FIX)) | {"schema": NEWER})
    kept = dead_letter(f"kafka:{settings.fixes_topic}/0/1", SetAside("unknown_schema", "d"), newer_fix, AT)
    newer_letter = msgspec.json.encode(msgspec.json.decode(encode(LETTER)) | {"schema": NEWER})
    for value in (encode(kept), newer_letter):
        kafka.send(settings.dead_letter_topic, value)
    kafka.flush()
    kafka.close()
    waiting = Counter({"unknown_schema": 2})
    assert count_dead_letters(settings, database) == waiting
    assert replay_dead_letters(settings, database) == (Counter(), waiting)
    _, left = replay_set_aside(database)
    assert left == Counter({"r": 2})
    assert database[SET_ASIDE].count_documents({}) == 2
