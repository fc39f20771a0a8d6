"""Bridge, producer, MongoDB and broker are killed and frozen while phones send: nothing that Traccar stored is lost.

`make chaos` runs many rounds. The seed is in the report of a failure; CHAOS_SEED repeats its order of faults.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from kafka import KafkaConsumer, TopicPartition
from pydantic import SecretStr

from infra.jars import jar_folder
from infra.java import java_home
from infra.kafka import kafka_program
from infra.mongod import mongod_program
from infra.parts import PARTS, part_program
from infra.process import Child
from infra.workspace import Workspace
from itrack.kafka import ensure_topics
from itrack.mongo import FIXES, open_database
from itrack.settings import Settings
from itrack.wire import decode_fix, encode_fix_document
from simulator.stand_in.server import StandIn, stand_in_traccar
from tests.support.line import own_settings

pytestmark = pytest.mark.services

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "4"))
SEED = int(os.environ.get("CHAOS_SEED", str(time.time_ns() % 1_000_000)))
PHONES = 5


class Line:
    """Four programs of its own behind a stand-in Traccar, and the phones before it."""

    def __init__(self, traccar: StandIn, settings: Settings, logs: Path) -> None:
        self.settings = settings
        workspace = Workspace(settings)
        workspace.prepare()
        infos = {each.name: each for each in PARTS}
        programs = [
            mongod_program(workspace, settings),
            kafka_program(workspace, settings, java_home(settings), jar_folder(workspace, "kafka")),
            *(part_program(infos[name], settings) for name in ("bridge", "producer")),
        ]
        self.children = [Child(program, logs) for program in programs]
        self._traccar = traccar
        self._began_s = int(time.time())
        self._sent = 0
        self._phones = httpx2.Client()

    def send(self, random_: random.Random, count: int) -> None:
        """Reports of all phones: most of now, some late by up to a day, some sent twice."""
        for _ in range(count):
            self._sent += 1
            late_s = random_.randrange(86_400) if random_.random() < 0.3 else 0
            query = {
                "id": f"phone-{random_.randrange(PHONES)}",
                "lat": 47 + self._sent * 1e-5,
                "lon": 8,
                "timestamp": self._began_s + self._sent - late_s,
            }
            for _ in range(2 if random_.random() < 0.1 else 1):
                self._phones.get(self._traccar.osmand_url, params=query).raise_for_status()

    def in_traccar(self) -> set[str]:
        return {f"main:{position.id}" for position in self._traccar.stored_positions()}

    def in_mongodb(self) -> dict[str, bytes]:
        """What is to be on Kafka for each fix in MongoDB, by its identifier."""
        database = open_database(self.settings, part="test")
        try:
            return {each["_id"]: encode_fix_document(each)[1] for each in database[FIXES].find()}
        finally:
            database.client.close()

    def on_kafka(self) -> dict[str, bytes]:
        """What a reader of the whole topic collapses to: the last value of each identifier."""
        topic = self.settings.fixes_topic
        consumer = KafkaConsumer(bootstrap_servers=self.settings.kafka_address, enable_auto_commit=False)
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        values: dict[str, bytes] = {}
        while any(consumer.position(each) < ends[each] for each in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                values.update((decode_fix(record.value).fix_id, record.value) for record in records)
        consumer.close()
        return values


@pytest.fixture
def line(tmp_path: Path, downloads: Path) -> Iterator[Line]:
    with ExitStack() as undo:
        traccar = undo.enter_context(stand_in_traccar(tmp_path / "traccar", keepalive_s=0.5))
        for number in range(PHONES):
            traccar.add_device(f"phone-{number}")
        (tmp_path / "line").mkdir()
        settings = own_settings(tmp_path / "line", downloads).model_copy(
            update={
                "traccar_url": traccar.web_url,
                "traccar_token": SecretStr(traccar.token),
                "bridge_reconcile_s": 1.0,
                "bridge_doubt_s": 0.5,
            }
        )
        line = Line(traccar, settings, tmp_path)
        for child in line.children:
            undo.callback(child.stop)
            child.start()
            child.wait_ready()
        ensure_topics(settings)
        yield line


def break_and_mend(child: Child, random_: random.Random, line: Line) -> None:
    """Kill it and start it again, or freeze it for a while; the phones go on sending."""
    assert child.pid is not None, f"{child.program.name} ended by itself: see {child.log_file}"
    pid = child.pid
    is_kill = random_.random() < 0.5
    os.kill(pid, signal.SIGKILL if is_kill else signal.SIGSTOP)
    try:
        line.send(random_, 20)
        time.sleep(random_.random() * 2)
    finally:
        if not is_kill:
            os.kill(pid, signal.SIGCONT)
    while is_kill and child.pid is not None:
        time.sleep(0.02)
    if is_kill:
        child.start()


@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_nothing_is_lost_whatever_is_killed_or_frozen(line: Line) -> None:
    """In the end MongoDB, and a reader of Kafka, have what Traccar stored, id by id and value by value."""
    random_ = random.Random(SEED)  # noqa: S311 - a test's order of faults
    for number in range(ROUNDS):
        if number % len(line.children) == 0:
            victims = random_.sample(line.children, len(line.children))
        line.send(random_, 20)
        break_and_mend(victims.pop(), random_, line)
    line.send(random_, 20)
    for child in line.children:
        child.wait_ready()
    deadline_s = time.monotonic() + 120
    while True:
        wanted, stored, published = line.in_traccar(), line.in_mongodb(), line.on_kafka()
        if wanted == stored.keys() and stored == published:
            return
        assert time.monotonic() < deadline_s, (
            f"seed {SEED}: MongoDB lacks {sorted(wanted - stored.keys())} and has beside them "
            f"{sorted(stored.keys() - wanted)}; Kafka lacks {sorted(stored.keys() - published.keys())}"
        )
        time.sleep(0.5)
