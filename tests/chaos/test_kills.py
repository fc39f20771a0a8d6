"""Named faults: programs killed at their worst moments, and away for long."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from pydantic import SecretStr

from infra.parts import PARTS
from infra.process import Child
from itrack.mongo import BOOKMARKS, ensure_indexes, open_database
from itrack.settings import Settings
from simulator.stand_in.server import stand_in_traccar
from tests.chaos.building import QUICK
from tests.chaos.conftest import thorough
from tests.chaos.faults import kill, killed
from tests.chaos.line import Instance, Line
from tests.chaos.replica_set import replica_set
from tests.chaos.waiting import wait_for_worker, wait_until_stored, wait_until_told
from tests.support.trap import Trap

pytestmark = pytest.mark.services

A_MESSAGE = b'"fix_id"'
A_BOOKMARK = b"position_at"
A_BOOKMARK_BEFORE_READING = b"\x09refill_from_at\x00"  # a date, in BSON: what was stored since is to be read
A_BOOKMARK_AFTER_READING = b"\x0arefill_from_at\x00"  # null: all of it was read, and Kafka has acknowledged it
A_BOOKMARK_OF_IDS = b"settled_id"
RANDOM = Random(1)  # noqa: S311 - what phones send

MOMENTS = {
    "before its first bookmark": ("mongodb", A_BOOKMARK_BEFORE_READING),
    "with its first messages on the wire": ("kafka", A_MESSAGE),
    "after Kafka's acknowledgement": ("mongodb", A_BOOKMARK_AFTER_READING),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_producer_killed_in_its_first_second(line: Line, moment: str) -> None:
    """A producer that starts for the first time and is killed before it has flushed anything skips nothing."""
    for each in line.copies("producer"):
        each.child.stop()
    database = open_database(line.settings, part="test")
    database[BOOKMARKS].delete_many({"_id": {"$regex": "^producer"}})
    database.client.close()
    line.phones.send(RANDOM, 60, over_s=0.2)
    line.phones.join()
    wait_until_stored(line)
    peer, pattern = MOMENTS[moment]
    trap = Trap(pattern)
    producer = line.instances["producer"]
    producer.ways[peer].set_trap(trap)
    producer.child.start()
    trap.wait()
    kill(producer.child)
    producer.ways[peer].reset()
    producer.ways[peer].open_trap()
    with line.rereading():
        for each in line.copies("producer"):
            each.child.start()
        line.phones.send(RANDOM, 60, over_s=0.5)
        line.phones.join()
        line.wait_whole()


def test_bridge_dead_for_long(line: Line) -> None:
    """A thousand reports, late ones, holes in the ids, a Traccar that restarts: bridges that come back have them."""
    line.phones.send(RANDOM, 100, over_s=0.0)
    line.phones.join()
    line.wait_whole()
    with ExitStack() as dead:
        for each in line.copies("bridge"):
            dead.enter_context(killed(each.child))
        for _ in range(10):
            line.phones.send(RANDOM, 100, over_s=0.0)
            line.phones.join()
            line.phones.meddle(RANDOM)
            line.traccar.burn_position_ids(RANDOM.randrange(40))
        line.traccar.restart()
        line.phones.send(RANDOM, 100, over_s=0.0)
        line.phones.join()
        line.phones.give_all_back()
    line.wait_whole()


@thorough
def test_mongodb_gone_for_a_while(line: Line) -> None:
    """Bridge and producer say that MongoDB is away, take what comes meanwhile, and go on by themselves."""
    with killed(line.services["mongod"]):
        line.phones.send(RANDOM, 300, over_s=2.0)
        for instance in line.instances.values():
            wait_until_told(instance, "MongoDB")
        line.phones.join()
    line.wait_whole()


@thorough
def test_kafka_gone_for_a_while(line: Line) -> None:
    """The producer says that Kafka is away; the bridge goes on; what was stored meanwhile is published afterwards."""
    producer = wait_for_worker(line, "producer")
    with killed(line.services["kafka"]):
        line.phones.send(RANDOM, 300, over_s=2.0)
        wait_until_told(producer, "Kafka")
        line.phones.join()
        wait_until_stored(line)
        assert all(each.health()["healthy"] for each in line.copies("bridge"))
    line.wait_whole()


@thorough
@pytest.mark.parametrize("bookmark", [A_BOOKMARK_OF_IDS, A_BOOKMARK], ids=["of the bridge", "of the producer"])
def test_primary_killed_between_write_and_bookmark(
    settings: Settings, start_part: Callable[..., Child], tmp_path: Path, bookmark: bytes
) -> None:
    """The primary of three dies after what it had confirmed, before the bookmark: another takes over, none is lost."""
    with stand_in_traccar(tmp_path / "traccar", keepalive_s=0.5) as traccar, replica_set(settings, tmp_path) as mongodb:
        mine = {"home": tmp_path / "home", "mongodb_uri": SecretStr(mongodb.uri), **QUICK}
        sign_in = {"traccar_url": traccar.web_url, "traccar_token": SecretStr(traccar.token)}
        settings = settings.model_copy(update={**mine, **sign_in})
        ensure_indexes(open_database(settings, part="test"))
        line = Line(settings, tmp_path, traccar)
        for info in PARTS[:2]:
            child = start_part(info.name, **settings.model_dump())
            line.instances[info.name] = Instance(
                part=info.name, name=info.name, child=child, url=info.url(settings), ways={}
            )
        line.phones.send(RANDOM, 60, over_s=0.5)
        line.phones.join()
        line.wait_whole()
        primary = mongodb.primary()
        trap = Trap(bookmark)
        mongodb.proxies[primary].set_trap(trap)
        line.phones.send(RANDOM, 60, over_s=0.5)
        trap.wait()
        with killed(mongodb.members[primary]):
            mongodb.proxies[primary].reset()
            mongodb.proxies[primary].open_trap()
            assert mongodb.primary() != primary
            line.phones.send(RANDOM, 60, over_s=0.5)
            line.phones.join()
            line.wait_whole()
        line.wait_whole()
