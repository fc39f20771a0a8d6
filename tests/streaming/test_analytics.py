"""The Spark job on real Kafka and MongoDB: what a person would find, once, whatever happens to the job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from confluent_kafka import Consumer
from kafka import KafkaProducer
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from infra.parts import settings_environment
from itrack.fix import Fix
from itrack.mobility import Event, EventKind
from itrack.mongo import ANOMALIES, CELL_COUNTS, GAPS, STAYPOINTS, TRIPS, Document, open_database
from itrack.settings import Settings
from itrack.trajectory.device_logic import DeviceLogic
from itrack.trajectory.rules import Rules
from itrack.wire import decode_event, document_of, encode_fix
from tests.trajectory.tracks import fix, real_fixes

pytestmark = [pytest.mark.services, pytest.mark.spark]


@contextmanager
def analytics(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The job as a program of its own, killed at the end if it still runs."""
    with log.open("ab") as file:
        job = subprocess.Popen(
            [sys.executable, "-m", "itrack", "analytics"],
            env={**os.environ, **settings_environment(settings)},
            stdout=file,
            stderr=file,
        )
        try:
            yield job
        finally:
            job.kill()
            job.wait()


def wait_for(
    what: str, is_so: Callable[[], object], job: subprocess.Popen[bytes], log: Path, within_s: float = 150
) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > end or job.poll() is not None:
            pytest.fail(f"not within {within_s} s: {what}\n{log.read_text(errors='replace')[-6000:]}")
        time.sleep(0.3)


def metric(settings: Settings, name: str) -> float:
    """The sum of a metric's samples; 0 while the job does not answer."""
    try:
        text = httpx2.get(f"http://127.0.0.1:{settings.analytics_metrics_port}/metrics", timeout=2).text
    except httpx2.HTTPError:
        return 0.0
    families = text_string_to_metric_families(text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def publish(settings: Settings, fixes: list[Fix]) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka_address)
    for one in fixes:
        producer.send(settings.fixes_topic, encode_fix(one), one.device_id.encode())
    producer.flush()
    producer.close()


def read_topic(settings: Settings, topic: str) -> list[bytes]:
    """Everything on a topic so far."""
    reader = Consumer(
        {
            "bootstrap.servers": settings.kafka_address,
            "group.id": f"test-{time.monotonic_ns()}",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    reader.subscribe([topic])
    values: list[bytes] = []
    ended: set[int] = set()
    while len(ended) < settings.kafka_partitions:
        message = reader.poll(10)
        assert message is not None, f"the topic {topic} cannot be read to its end"
        if message.error():
            ended.add(message.partition())
        else:
            values.append(message.value())
    reader.close()
    return values


def read_events(settings: Settings) -> list[Event]:
    return [decode_event(value) for value in read_topic(settings, settings.events_topic)]


def expected_documents(events: list[Event], logics: list[DeviceLogic]) -> dict[str, dict[str, Document]]:
    """The documents that the events and the open staypoints of a single run of the logic stand for."""
    documents: dict[str, dict[str, Document]] = {STAYPOINTS: {}, TRIPS: {}, GAPS: {}, ANOMALIES: {}}
    subjects: list[tuple[str, Any]] = []
    for event in events:
        subjects += [(STAYPOINTS, event.staypoint), (TRIPS, event.trip), (GAPS, event.gap), (ANOMALIES, event.anomaly)]
    subjects += [(STAYPOINTS, logic.open_staypoint()) for logic in logics]
    for collection, subject in subjects:
        if subject is not None:
            document = document_of(subject)
            documents[collection][document["_id"]] = {
                name: value.replace(microsecond=value.microsecond // 1000 * 1000)
                if isinstance(value, datetime)
                else value
                for name, value in document.items()
            }
    return documents


def test_a_killed_job_goes_on_and_ends_where_an_undisturbed_one_would(
    settings: Settings, real_tracks: Path, tmp_path: Path
) -> None:
    """Recorded tracks, the job killed half-way: staypoints, trips, gaps, anomalies and events as from one run.

    The same fixes are published twice in part, as the producer does after a crash; that changes nothing either.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    fixes = [replace(one, server_at=now) for one in real_fixes(real_tracks)]
    logics = {one.device_id: DeviceLogic(one.device_id, Rules()) for one in fixes}
    events = [event for one in fixes for event in logics[one.device_id].on_fix(one)]
    settings = settings.model_copy(update={"analytics_max_fixes_per_batch": 500})
    log = tmp_path / "analytics.log"
    half = len(fixes) // 2
    publish(settings, fixes[:half])
    with analytics(settings, log) as job:
        wait_for("a batch", lambda: metric(settings, "itrack_analytics_fixes_total") >= 500, job, log)
        job.send_signal(signal.SIGKILL)
    publish(settings, fixes[half - 200 :])
    database = open_database(settings, part="tests")
    with analytics(settings, log) as job:
        ids = {event.event_id for event in events}
        wait_for("every event", lambda: {each.event_id for each in read_events(settings)} >= ids, job, log)
        assert metric(settings, "itrack_analytics_query_failures_total") == 0
        job.terminate()
        assert job.wait(15) == 0
    expected = expected_documents(events, list(logics.values()))
    for collection, documents in expected.items():
        assert {each["_id"]: each for each in database[collection].find()} == documents
    told = {event.event_id: event for event in read_events(settings)}
    assert {key: replace(event, published_at=None) for key, event in told.items()} == {
        event.event_id: event for event in events
    }
    accepted = len(fixes) - sum(sum(logic.flags().values()) for logic in logics.values())
    counted = sum(each["fix_count"] for each in database[CELL_COUNTS].find())
    assert abs(counted - accepted) <= 11  # fixes that a later one showed to be jumps were there when counted
    database.client.close()


def test_poison_is_kept_aside_and_silence_is_heard(settings: Settings, tmp_path: Path) -> None:
    """A broken message becomes a dead letter; a stop that only silence reveals is told while nothing arrives."""
    log = tmp_path / "analytics.log"
    producer = KafkaProducer(bootstrap_servers=settings.kafka_address)
    producer.send(settings.fixes_topic, b'{"fix_id": "main:1"', b"main:7").get(10)
    producer.close()
    database = open_database(settings, part="tests")
    with analytics(settings, log) as job:
        wait_for("a dead letter", lambda: metric(settings, "itrack_analytics_dead_letters_total"), job, log)
        due = datetime.now(UTC) + timedelta(seconds=4)
        arrived = (due - timedelta(seconds=300)).replace(microsecond=0)
        publish(settings, [replace(fix(0), fixed_at=arrived, device_at=arrived, server_at=arrived)])
        wait_for("the stop", lambda: database[STAYPOINTS].count_documents({}), job, log)
        job.terminate()
        assert job.wait(15) == 0
    (letter,) = read_topic(settings, settings.dead_letter_topic)
    assert b"not_a_fix" in letter
    assert f"kafka:{settings.fixes_topic}/".encode() in letter
    (event,) = read_events(settings)
    assert event.kind is EventKind.STAYPOINT_STARTED
    assert event.knowable_at == arrived + timedelta(seconds=300)
    assert event.published_at is not None
    assert event.knowable_at <= event.published_at <= datetime.now(UTC)
    database.client.close()


def test_a_refusal_of_mongodb_ends_the_job_with_its_sentence(settings: Settings, tmp_path: Path) -> None:
    """What only a person can mend is told and ends the job; starting the query again would not help."""
    log = tmp_path / "analytics.log"
    program = """
from itrack.cli import main
from itrack.errors import FixConfiguration
from streaming.sinks import AnalyticsSink

def refuse(*_):
    raise FixConfiguration("MongoDB does not let this user write findings")

AnalyticsSink.write = refuse
main()
"""
    with log.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", program, "analytics"],
            env={**os.environ, **settings_environment(settings)},
            stdout=file,
            stderr=file,
            timeout=150,
            check=False,
        )
    assert done.returncode == 2, log.read_text(errors="replace")[-6000:]
    assert "does not let this user write findings" in log.read_text(errors="replace")
