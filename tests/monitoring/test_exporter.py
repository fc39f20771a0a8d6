"""The watch tells the truth about the real stack, and goes on when a part of the stack does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psutil
import pytest
from kafka import KafkaProducer
from prometheus_client import CollectorRegistry
from pymongo.database import Database

from itrack.fix import Fix
from itrack.mongo import BOOKMARKS, FIXES, open_database
from itrack.settings import Settings
from itrack.wire import fix_document
from monitoring.exporter import watcher_of
from streaming.bookmark import Bookmark, place_bookmark

pytestmark = pytest.mark.services

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def fix(number: int, **changes: Any) -> Fix:
    """A fix like any other; `changes` replace what the test is about."""
    plain: dict[str, Any] = {
        "fix_id": f"main:{number}", "device_id": "main:1", "fixed_at": NOW, "device_at": NOW, "server_at": NOW,
        "latitude_deg": 47.0, "longitude_deg": 8.0, "stored_at": NOW,
    }  # fmt: skip
    return Fix(**{**plain, **changes})


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[dict[str, Any]]]:
    """The test's own database."""
    database = open_database(settings, part="tests")
    yield database
    database.client.close()


@pytest.fixture(autouse=True)
def new_topics_are_ready(settings: Settings) -> None:
    """A broker knows a new topic before it names it to everybody, and names its leaders before they serve it."""
    watcher = watcher_of(settings)
    registry = CollectorRegistry()
    registry.register(watcher)
    deadline_s = time.monotonic() + 30
    for topic in (settings.fixes_topic, settings.events_topic, settings.dead_letter_topic):
        while registry.get_sample_value("itrack_kafka_messages_total", {"topic": topic}) is None:
            assert time.monotonic() < deadline_s, f"the topic {topic} does not get ready"
            watcher.look()


Look = Callable[..., float | None]


@pytest.fixture
def look(settings: Settings) -> Look:
    """Looks once with every probe, which must go well, and gives a metric's value."""
    watcher = watcher_of(settings)

    def value(name: str, **labels: str) -> float | None:
        assert watcher.look() == {}
        registry = CollectorRegistry()
        registry.register(watcher)
        return registry.get_sample_value(name, labels)

    return value


def test_documents_are_counted_by_collection(look: Look, database: Database[dict[str, Any]]) -> None:
    """Each collection counts for itself, also while it is empty: an alert on the first dead letter needs the zero."""
    assert look("itrack_mongodb_documents", collection="set_aside") == 0
    database[FIXES].insert_many([fix_document(fix(number)) for number in range(3)])
    assert look("itrack_mongodb_documents", collection=FIXES) == 3


def test_freshness_is_by_the_servers_clocks(look: Look, database: Database[dict[str, Any]]) -> None:
    """A phone that claims to measure tomorrow does not make the store look fresh."""
    assert look("itrack_fixes_newest_stored_timestamp_seconds") is None
    liar = fix(
        1, fixed_at=NOW + timedelta(days=1), device_at=NOW + timedelta(days=1), stored_at=NOW - timedelta(hours=1)
    )
    honest = fix(2, server_at=NOW - timedelta(seconds=2))
    database[FIXES].insert_many([fix_document(honest), fix_document(liar)])
    assert look("itrack_fixes_newest_stored_timestamp_seconds") == NOW.timestamp()
    assert look("itrack_fixes_newest_server_timestamp_seconds") == NOW.timestamp() - 2


def test_a_bookmark_ages_while_its_reader_is_down(look: Look, database: Database[dict[str, Any]]) -> None:
    """The age counts from MongoDB's time in the bookmark; other parts' bookmarks, which hold no token, are left out."""
    assert look("itrack_mongodb_bookmark_age_seconds", reader="producer") is None
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    place_bookmark(database, "producer", Bookmark(token={"_data": "82"}, position_at=an_hour_ago))
    database[BOOKMARKS].insert_one({"_id": "export", "closed_through": "2026-06-01"})
    age_s = look("itrack_mongodb_bookmark_age_seconds", reader="producer")
    assert age_s is not None
    assert 3550 < age_s < 3650
    assert look("itrack_mongodb_bookmark_age_seconds", reader="export") is None


def test_mongodb_is_described(look: Look) -> None:
    """The primary, its connections, its memory and its oplog are what a running server has."""
    assert look("itrack_mongodb_primary") == 1
    assert (look("itrack_mongodb_connections", state="current") or 0) >= 1
    assert (look("itrack_mongodb_resident_memory_bytes") or 0) > 20e6
    assert 0 < (look("itrack_mongodb_oplog_used_ratio") or 0) < 1
    assert (look("itrack_mongodb_oplog_window_seconds") or -1) >= 0


def test_kafka_is_described(look: Look, settings: Settings) -> None:
    """Messages count by topic; a healthy broker has every partition online."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka_address)
    for number in range(5):
        producer.send(settings.fixes_topic, key=str(number).encode(), value=b"value")
    producer.flush(20)
    producer.close()
    topic = settings.fixes_topic
    assert look("itrack_kafka_messages_total", topic=topic) == 5
    assert look("itrack_kafka_messages_total", topic=settings.dead_letter_topic) == 0
    assert look("itrack_kafka_brokers") == 1
    assert look("itrack_kafka_partitions", topic=topic) == settings.kafka_partitions
    assert look("itrack_kafka_partitions_offline", topic=topic) == 0
    assert look("itrack_kafka_partitions_under_replicated", topic=topic) == 0


def test_the_host_is_described(look: Look) -> None:
    """Less is free than there is, and the processors have worked."""
    assert 0 < (look("itrack_host_disk_free_bytes") or 0) < (look("itrack_host_disk_total_bytes") or 0)
    assert 0 < (look("itrack_host_memory_available_bytes") or 0) < (look("itrack_host_memory_total_bytes") or 0)
    assert (look("itrack_host_cpu_busy_seconds_total") or 0) > 0


@pytest.mark.parametrize(
    ("failing", "changes"),
    [
        ({"mongodb", "freshness"}, {"mongodb_port": 1}),
        ({"kafka"}, {"kafka_port": 1}),
        ({"s3"}, {"s3_port": 1}),
        ({"s3"}, {"s3_bucket": "nobody-made-this"}),
    ],
    ids=["mongodb away", "kafka away", "s3 away", "bucket missing"],
)
def test_what_is_away_fails_alone(settings: Settings, failing: set[str], changes: dict[str, Any]) -> None:
    """A service that does not answer fails its own probe, within the timeout, and no other."""
    watcher = watcher_of(settings.model_copy(update=changes))
    started_s = time.monotonic()
    assert set(watcher.look()) == failing
    assert time.monotonic() - started_s < 40


def test_an_outage_leaves_nothing_behind(settings: Settings) -> None:
    """A night without Kafka, MongoDB and S3 does not fill the watch with sockets and threads until it dies."""
    watcher = watcher_of(settings.model_copy(update={"kafka_port": 1, "mongodb_port": 1, "s3_port": 1}))
    process = psutil.Process()
    watcher.look()
    before = process.num_fds(), process.num_threads()
    for _ in range(3):
        watcher.look()
    after = process.num_fds(), process.num_threads()
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 2


def test_the_scrape_is_clean_and_complete(
    start_watch: Callable[..., str],
    database: Database[dict[str, Any]],
    promtool: Any,
    code_metrics: dict[str, Any],
) -> None:
    """No fault is found by promtool in what `itrack watch` serves, and every metric that the probes know is in it."""
    database[FIXES].insert_one(fix_document(fix(1)))
    place_bookmark(database, "producer", Bookmark(token={"_data": "82"}, position_at=datetime.now(UTC)))
    scrape = httpx2.get(f"{start_watch(retention_days=30)}/metrics").text
    answer = promtool("check", "metrics", text=scrape)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    served = {line.partition("{")[0].partition(" ")[0] for line in scrape.splitlines() if line.startswith("itrack_")}
    prefixes = ("watch", "mongodb", "kafka", "s3", "host", "fixes")
    expected = {name for name in code_metrics if name.split("_")[1] in prefixes}
    assert served == expected


def test_the_watch_is_well_while_a_service_is_not(start_watch: Callable[..., str]) -> None:
    """Telling that Kafka is away is the watch's work: it stays healthy and serves all else."""
    scrape = httpx2.get(f"{start_watch(kafka_port=1)}/metrics").text
    assert 'itrack_watch_probe_success{probe="kafka"} 0.0' in scrape
    assert 'itrack_watch_probe_success{probe="mongodb"} 1.0' in scrape
