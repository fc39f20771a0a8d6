"""The producer as it runs: a process of its own between the real MongoDB and the real Kafka."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from pymongo.database import Database

from infra.mongod import mongod_program
from infra.parts import PARTS, health
from infra.process import Child
from infra.workspace import Workspace
from itrack.mongo import BOOKMARKS, FIXES, Document, ensure_indexes, open_database
from itrack.settings import Settings
from itrack.wire import DeadLetter, fix_document
from streaming.bookmark import BEGINNING, Bookmark, load_bookmark, place_bookmark, time_of_token
from tests.support.ports import free_ports
from tests.support.publishing import Reader, fixes, ids, kill, metric, numbers_of_devices, wait_until

pytestmark = pytest.mark.services

Start = Callable[..., Child]


def test_new_fix_is_published_under_its_device(database: Database[Document], topic: Reader, start_part: Start) -> None:
    """A fix that enters MongoDB is on Kafka soon, whole but for its attributes, keyed by device."""
    start_part("producer")
    document = fixes(1, 1)[0]
    database[FIXES].insert_one(document)
    (fix,) = topic.wait_for_fixes(ids(1, 1))
    assert topic.messages[0][0] == fix.device_id.encode()
    assert fix_document(fix) == {**document, "attributes_json": "{}"} | {
        name: value.replace(microsecond=value.microsecond // 1000 * 1000)
        for name, value in document.items()
        if isinstance(value, datetime)
    }


def test_first_start_publishes_what_is_already_there(
    database: Database[Document], topic: Reader, start_part: Start
) -> None:
    """The first start begins with the collection as it is, not silently with the present."""
    database[FIXES].insert_many(fixes(1, 500, stored_at=datetime(2024, 1, 1, tzinfo=UTC)))
    start_part("producer")
    database[FIXES].insert_many(fixes(501, 10))
    topic.wait_for_fixes(ids(1, 510))


def test_order_of_a_device_is_kept(database: Database[Document], topic: Reader, start_part: Start) -> None:
    """Fixes of one device arrive in the order in which they were stored."""
    start_part("producer")
    for first in range(1, 1001, 100):
        database[FIXES].insert_many(fixes(first, 100))
    for numbers in numbers_of_devices(topic.wait_for_fixes(ids(1, 1000))).values():
        assert numbers == sorted(numbers)


def test_nothing_is_lost_by_kills_at_any_moment(database: Database[Document], topic: Reader, start_part: Start) -> None:
    """SIGKILL in the first moment, in the middle of work and twice in a row loses no fix and no order."""
    database[FIXES].insert_many(fixes(1, 20_000, stored_at=datetime.now(UTC) - timedelta(days=1)))
    number = 20_001
    holders: set[str | None] = {None}
    for works_s in (0.0, 0.4, 1.0):
        child = start_part("producer", wait=False)
        works_until_s = None
        while works_until_s is None or time.monotonic() < works_until_s:
            database[FIXES].insert_many(fixes(number, 50))
            number += 50
            lease = database[BOOKMARKS].find_one({"_id": "producer-lease"}) or {}
            if lease.get("holder") not in holders:
                holders.add(lease["holder"])
                works_until_s = time.monotonic() + works_s
            time.sleep(0.02)
        kill(child)
    start_part("producer")
    published = topic.wait_for_fixes(ids(1, number - 1), within_s=60)
    for numbers in numbers_of_devices(published).values():
        assert numbers == sorted(numbers)


def test_stop_moves_the_bookmark_behind_everything(
    database: Database[Document], topic: Reader, start_part: Start
) -> None:
    """SIGTERM flushes, saves, ends within seconds, and the next start repeats nothing."""
    child = start_part("producer")
    database[FIXES].insert_many(fixes(1, 5_000))
    topic.wait_for_fixes(ids(1, 5_000))
    child.stop()
    assert child._process is not None
    assert child._process.returncode == 0, "it had to be killed"
    start_part("producer")
    database[FIXES].insert_many(fixes(5_001, 1))
    assert len(topic.wait_for_fixes(ids(1, 5_001))) == 5_001


def test_token_is_saved_before_the_first_event_and_while_idle(
    settings: Settings, database: Database[Document], start_part: Start
) -> None:
    """There is a bookmark from the first moment on, with MongoDB's time of it."""
    start_part("producer")
    bookmark = load_bookmark(database, "producer")
    assert bookmark is not None
    assert bookmark.position_at == time_of_token(bookmark.token)
    wait_until(lambda: (load_bookmark(database, "producer") or bookmark).refill_from_at is None)
    first = load_bookmark(database, "producer")
    assert first is not None
    wait_until(lambda: (load_bookmark(database, "producer") or first).token != first.token)
    assert metric(settings, 'itrack_producer_bookmark_timestamp_seconds{slot="0"}') > time.time() - 60


def test_lost_token_rereads_from_the_last_position(
    settings: Settings, database: Database[Document], topic: Reader, start_part: Start
) -> None:
    """With a token that MongoDB refuses, the missed fixes are read from the collection, but not the old ones."""
    now = datetime.now(UTC)
    database[FIXES].insert_many(fixes(1, 100, stored_at=now - timedelta(hours=2)))
    database[FIXES].insert_many(fixes(101, 100, stored_at=now - timedelta(minutes=30)))
    place_bookmark(database, "producer", Bookmark(token={"_data": "82FF"}, position_at=now - timedelta(hours=1)))
    start_part("producer")
    database[FIXES].insert_many(fixes(201, 10))
    published = topic.wait_for_fixes(ids(101, 110))
    assert {fix.fix_id for fix in published} == set(ids(101, 110))
    assert metric(settings, 'itrack_producer_refills_total{reason="token_invalid"}') == 1


@pytest.fixture
def small_oplog(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same stack with a MongoDB of its own, whose oplog holds 16 MB only."""
    (port,) = free_ports(1)
    own = settings.model_copy(update={"mongodb_uri": None, "mongodb_port": port, "home": tmp_path})
    workspace = Workspace(own)
    workspace.prepare()
    program = mongod_program(workspace, own)
    argv = ["16" if word == "990" else word for word in program.argv] + ["--syncdelay", "1"]
    mongod = Child(dataclasses.replace(program, argv=argv), tmp_path)
    mongod.start()
    try:
        mongod.wait_ready()
        yield own
    finally:
        mongod.stop()


def test_oplog_that_rolled_over_rereads_from_the_last_position(
    small_oplog: Settings, topic: Reader, start_part: Start
) -> None:
    """While the producer was down the oplog lost its place (error 286): the collection fills the gap."""
    own_mongodb = {"mongodb_uri": None, "mongodb_port": small_oplog.mongodb_port}
    database = open_database(small_oplog, part="test")
    ensure_indexes(database)
    database[FIXES].insert_many(fixes(1, 100))
    child = start_part("producer", **own_mongodb)
    topic.wait_for_fixes(ids(1, 100))
    kill(child)
    database[FIXES].insert_many(fixes(101, 100))
    bookmark = load_bookmark(database, "producer")
    assert bookmark is not None
    roll_oplog_past(database, bookmark.position_at)
    start_part("producer", **own_mongodb)
    database[FIXES].insert_many(fixes(201, 10))
    topic.wait_for_fixes(ids(1, 210))
    assert metric(small_oplog, 'itrack_producer_refills_total{reason="history_lost"}') == 1
    database.client.close()


def roll_oplog_past(database: Database[Document], at: datetime) -> None:
    """Write until the oplog begins after `at`; it is truncated behind a checkpoint only, which `fsync` forces."""
    oplog = database.client["local"]["oplog.rs"]
    deadline = time.monotonic() + 90
    while (oldest := oplog.find_one(sort=[("$natural", 1)])) is None or oldest["ts"].as_datetime() <= at:
        assert time.monotonic() < deadline, "the oplog did not roll over"
        database["filler"].insert_many([{"text": "x" * 100_000} for _ in range(100)])
        database.client.admin.command("fsync")
        time.sleep(0.5)


def test_bookmark_that_is_none_rereads_everything(
    database: Database[Document], topic: Reader, start_part: Start
) -> None:
    """A bookmark that cannot be read is treated like none: repeat, never skip."""
    database[FIXES].insert_many(fixes(1, 10, stored_at=BEGINNING))
    database[BOOKMARKS].insert_one({"_id": "producer", "token": "not a token"})
    start_part("producer")
    topic.wait_for_fixes(ids(1, 10))


def test_dropped_and_restored_collection_goes_on(
    settings: Settings, database: Database[Document], topic: Reader, start_part: Start
) -> None:
    """After a drop the producer follows the new collection, what was stored while it looked away included."""
    start_part("producer")
    database[FIXES].insert_many(fixes(1, 100))
    topic.wait_for_fixes(ids(1, 100))
    database.drop_collection(FIXES)
    database[FIXES].insert_many(fixes(101, 100))
    topic.wait_for_fixes(ids(101, 100))
    database["restored"].insert_many(fixes(201, 100))
    database.drop_collection(FIXES)
    database["restored"].rename(FIXES)
    topic.wait_for_fixes(ids(201, 100))
    database[FIXES].insert_many(fixes(301, 10))
    topic.wait_for_fixes(ids(301, 10))
    assert metric(settings, 'itrack_producer_refills_total{reason="collection_dropped"}') >= 2


@pytest.mark.parametrize("arrives", ["before the first start", "while following"])
def test_undecodable_document_is_set_aside(
    settings: Settings, database: Database[Document], topic: Reader, start_part: Start, arrives: str
) -> None:
    """What is no fix, one of a newer form or too large, goes to the dead letters with its reason; the line goes on."""
    bad = [
        {"_id": "main:1", "schema": 1, "latitude_deg": "north"},
        {**fixes(2, 1)[0], "schema": 99},
        {**fixes(3, 1)[0], "activity": "x" * 2_000_000},
        {"_id": 7},
    ]
    if arrives == "before the first start":
        database[FIXES].insert_many(bad)
        start_part("producer")
    else:
        start_part("producer")
        database[FIXES].insert_many(bad)
    database[FIXES].insert_many(fixes(10, 5))
    topic.wait_for_fixes(ids(10, 5))
    letters = Reader(settings, settings.dead_letter_topic)
    found = [msgspec.json.decode(value, type=DeadLetter) for value in letters.wait_for(lambda seen: len(seen) >= 4)]
    letters.close()
    assert {letter.origin: letter.reason for letter in found} == {
        "mongodb:fixes/main:1": "not_a_fix",
        "mongodb:fixes/main:2": "unknown_schema",
        "mongodb:fixes/main:3": "message_too_large",
        "mongodb:fixes/7": "unknown_schema",
    }
    assert "north" in next(letter.raw for letter in found if letter.reason == "not_a_fix")
    assert metric(settings, 'itrack_producer_dead_letters_total{reason="unknown_schema"}') == 2


def test_what_kafka_refuses_is_not_lost(
    settings: Settings, database: Database[Document], topic: Reader, start_part: Start
) -> None:
    """A topic that takes no such message makes the producer unhealthy and repeat; once mended, everything is there."""
    admin = AdminClient({"bootstrap.servers": settings.kafka_address})

    def let_messages_have(size: int) -> None:
        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, settings.fixes_topic, incremental_configs=[entry])
        for answer in admin.incremental_alter_configs([resource]).values():
            answer.result()

    let_messages_have(100)
    start_part("producer", wait=False)
    database[FIXES].insert_many(fixes(1, 100))
    url = next(part for part in PARTS if part.name == "producer").url(settings)
    wait_until(lambda: "refused a message" in str((health(url) or {}).get("detail")))
    assert metric(settings, "itrack_producer_delivery_errors_total") > 0
    let_messages_have(1_048_588)
    topic.wait_for_fixes(ids(1, 100))


def test_changes_and_deletions_are_not_news(database: Database[Document], topic: Reader, start_part: Start) -> None:
    """Fixes do not change; a retention's deletions and a repair's updates do not flood Kafka."""
    start_part("producer")
    database[FIXES].insert_many(fixes(1, 50))
    database[FIXES].update_many({}, {"$set": {"valid": False}})
    database[FIXES].delete_many({})
    last_of_each_device = 7
    database[FIXES].insert_many(fixes(51, last_of_each_device))
    assert len(topic.wait_for_fixes(ids(51, last_of_each_device))) == 50 + last_of_each_device
