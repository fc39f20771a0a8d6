"""Topics are made once, whoever comes first, and a Kafka that is away is asked again."""

import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, Producer
from confluent_kafka.admin import AdminClient

from itrack.errors import TryAgain
from itrack.kafka import create_topics, ensure_topics
from itrack.settings import Settings, load_settings
from tests.support.ports import free_ports


@pytest.mark.services
def test_topics_are_made_by_several_at_once(settings: Settings) -> None:
    """Parts that start together all find the topics, with the partitions asked for."""
    name = f"{settings.fixes_topic}.new"
    with ThreadPoolExecutor(4) as starters:
        for done in [starters.submit(create_topics, settings, {name: 3}) for _ in range(4)]:
            done.result()
    topics = AdminClient({"bootstrap.servers": settings.kafka_address}).list_topics(timeout=10).topics
    assert len(topics[name].partitions) == 3
    assert len(topics[settings.events_topic].partitions) == settings.kafka_partitions


@pytest.mark.services
def test_brokers_clock_dates_messages(settings: Settings) -> None:
    """A program whose clock is wrong by days can publish, and its messages are kept as long as all others."""
    producer = Producer({"bootstrap.servers": settings.kafka_address})
    told: list[tuple[KafkaError | None, tuple[int, int]]] = []
    now_ms = round(time.time() * 1000)
    for off_ms in (3 * 86_400_000, -30 * 86_400_000):
        producer.produce(
            settings.fixes_topic,
            b"",
            timestamp=now_ms + off_ms,
            on_delivery=lambda error, message: told.append((error, message.timestamp())),
        )
    producer.flush(10)
    assert [error for error, _ in told] == [None, None]
    assert all(kind == TIMESTAMP_LOG_APPEND_TIME and abs(at_ms - now_ms) < 60_000 for _, (kind, at_ms) in told)


def test_asking_a_kafka_that_is_away_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that waits for Kafka for days must not gather threads."""
    monkeypatch.setattr("itrack.kafka._TIMEOUT_S", 0.3)
    settings = load_settings(kafka_port=free_ports(1)[0])
    before = psutil.Process().num_threads()
    for _ in range(3):
        with pytest.raises(TryAgain, match="did not create"):
            ensure_topics(settings)
    assert psutil.Process().num_threads() < before + 3
