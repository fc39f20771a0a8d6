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
from pymongo import ReplaceOne

from infra.parts import settings_environment
from itrack.fix import Fix
from itrack.mobility import Event, EventKind
from itrack.mongo import ANOMALIES, FINDINGS, FIXES, GAPS, STAYPOINTS, TRIPS, Document, open_database
from itrack.settings import Settings
from itrack.trajectory.news import id_of
from itrack.trajectory.rules import Rules
from itrack.wire import decode_event, document_of, encode_fix, fix_document
from streaming.rebuild import rebuild
from tests.trajectory.ledger import batch_findings
from tests.trajectory.tracks import fix, real_fixes

RULES = Rules()
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
    """As the line does: first into MongoDB, then onto Kafka."""
    database = open_database(settings, part="tests")
    documents = [fix_document(one) for one in fixes]
    database[FIXES].bulk_write([ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents])
    database.client.close()
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


def stored_findings(settings: Settings) -> dict[str, dict[str, Document]]:
    """What is in MongoDB, by collection and identifier."""
    database = open_database(settings, part="tests")
    try:
        return {name: {each["_id"]: each for each in database[name].find()} for name in FINDINGS.values()}
    finally:
        database.client.close()


def expected_findings(fixes: list[Fix]) -> dict[str, dict[str, Document]]:
    """The documents of what one run over each phone's fixes in order finds."""
    expected: dict[str, dict[str, Document]] = {name: {} for name in FINDINGS.values()}
    for device_id in {one.device_id for one in fixes}:
        own = [one for one in fixes if one.device_id == device_id]
        now = max(one.server_at for one in own)
        for finding in batch_findings(own, RULES, now).values():
            document = document_of(finding)
            expected[FINDINGS[type(finding)]][document["_id"]] = document
    return expected


def differences(settings: Settings, expected: dict[str, dict[str, Document]]) -> dict[str, tuple[Any, Any]]:
    """What MongoDB has, and should have, where the two are not the same."""
    stored = stored_findings(settings)
    return {
        key: (stored[name].get(key), expected[name].get(key))
        for name in expected
        for key in stored[name].keys() | expected[name].keys()
        if stored[name].get(key) != expected[name].get(key)
    }


def test_a_killed_job_ends_where_an_undisturbed_one_would(
    settings: Settings, real_tracks: Path, tmp_path: Path
) -> None:
    """Recorded tracks, the job killed half-way, part of them published twice, hours of them far too late.

    In the end MongoDB has what one run over each phone's fixes in order finds, and nothing else.
    """
    arrived = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)  # so that no silence is due meanwhile
    fixes = [replace(one, server_at=arrived) for one in real_fixes(real_tracks)]
    too_late = [one for number, one in enumerate(fixes) if one.device_id.startswith("main:gpxpy") and number % 7 == 3]
    in_time = [one for one in fixes if one not in too_late]
    settings = settings.model_copy(update={"analytics_max_fixes_per_batch": 500})
    log = tmp_path / "analytics.log"
    half = len(in_time) // 2
    publish(settings, in_time[:half])
    with analytics(settings, log) as job:
        wait_for("a batch", lambda: metric(settings, "itrack_analytics_fixes_total") >= 500, job, log)
        job.send_signal(signal.SIGKILL)
    publish(settings, in_time[half - 200 :])
    expected = expected_findings(fixes)
    with analytics(settings, log) as job:
        wait_for("the rest", lambda: metric(settings, "itrack_analytics_fixes_total") >= half, job, log)
        publish(settings, too_late)
        wait_for("the same findings", lambda: differences(settings, expected) == {}, job, log, within_s=240)
        assert metric(settings, "itrack_analytics_repairs_done_total") > 0
        assert metric(settings, "itrack_analytics_query_failures_total") == 0
        job.terminate()
        assert job.wait(15) == 0
    told: dict[str, Event] = {}
    for event in read_events(settings):
        told[id_of(event.subject)] = event
    standing = {key for key, event in told.items() if not event.kind.is_withdrawal}
    with_events = {key for name in (STAYPOINTS, TRIPS, GAPS, ANOMALIES) for key in expected[name]}
    assert standing == with_events


def test_a_rebuild_takes_the_place_of_a_lost_checkpoint(settings: Settings, real_tracks: Path, tmp_path: Path) -> None:
    """The state is gone and Kafka forgot half of the fixes: a rebuild from MongoDB, and the job goes on from there.

    What is stored in the end is what one run over all fixes finds; wrong findings that lay there are gone.
    """
    arrived = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    stored_at = datetime.now(UTC).replace(microsecond=0)
    fixes = [replace(one, server_at=arrived, stored_at=stored_at) for one in real_fixes(real_tracks)]
    half = len(fixes) // 2
    database = open_database(settings, part="tests")
    database[FIXES].insert_many([fix_document(one) for one in fixes[:half]])
    wrong = expected_findings(
        [replace(one, device_id="main:9", fix_id=f"main:9{one.fix_id[5:]}") for one in fixes[:300]]
    )
    wrong_stays = [{**each, "device_id": fixes[0].device_id} for each in wrong[STAYPOINTS].values()]
    database[STAYPOINTS].insert_many(wrong_stays)
    database.client.close()
    rebuilt = rebuild(settings)
    assert (rebuilt.phones, rebuilt.fixes) == (len({one.device_id for one in fixes[:half]}), half)
    assert rebuilt.removed == len(wrong_stays) > 0
    assert stored_findings(settings) == expected_findings(fixes[:half])
    log = tmp_path / "analytics.log"
    expected = expected_findings(fixes)
    with analytics(settings, log) as job:
        publish(settings, fixes[half:])
        wait_for("the same findings", lambda: differences(settings, expected) == {}, job, log, within_s=240)
        job.terminate()
        assert job.wait(15) == 0


def test_poison_is_kept_aside_and_silence_is_heard(settings: Settings, tmp_path: Path) -> None:
    """A broken message becomes a dead letter; a stop that only silence reveals is told while nothing arrives."""
    log = tmp_path / "analytics.log"
    producer = KafkaProducer(bootstrap_servers=settings.kafka_address)
    producer.send(settings.fixes_topic, b'{"fix_id": "main:1"', b"main:7").get(10)
    producer.close()
    database = open_database(settings, part="tests")
    with analytics(settings, log) as job:
        wait_for("a dead letter", lambda: metric(settings, "itrack_analytics_dead_letters_total"), job, log)
        due, dwell = datetime.now(UTC) + timedelta(seconds=4), timedelta(seconds=RULES.stop_dwell_s)
        arrived = (due - dwell).replace(microsecond=0)
        publish(settings, [replace(fix(0), fixed_at=arrived, device_at=arrived, server_at=arrived)])
        wait_for("the stop", lambda: database[STAYPOINTS].count_documents({}), job, log)
        job.terminate()
        assert job.wait(15) == 0
    (letter,) = read_topic(settings, settings.dead_letter_topic)
    assert b"not_a_fix" in letter
    assert f"kafka:{settings.fixes_topic}/".encode() in letter
    (event,) = read_events(settings)
    assert event.kind is EventKind.STAYPOINT_STARTED
    assert event.knowable_at == arrived + dwell
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
