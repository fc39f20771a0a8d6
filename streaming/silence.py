"""Telling the shards that time has passed although no fix came.

A stop that silence reveals must be known while nothing arrives. Spark's processing-time timeouts would run a batch
at every trigger, day and night. Instead, time comes as data: when a shard has said that something is due, and
everything that Kafka had until then has been judged, a tick is put on a topic of its own. No tick, no batch: an idle
system rests. And a batch that is repeated after a crash sees the same ticks, so it finds the same things.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from confluent_kafka import Producer

from itrack.kafka import create_topics
from itrack.settings import Settings
from itrack.trajectory.point import milliseconds_of
from streaming.shards import ShardReport

__all__ = ["SilenceClock", "ensure_tick_topic", "tick_topic"]

_REPEAT_AFTER = timedelta(seconds=10)
"""A tick that changed nothing, because it was lost or came too early, is sent again after so long."""


def tick_topic(settings: Settings) -> str:
    """The topic of ticks: key = shard, value = milliseconds since 1970 UTC until which all was judged, as text."""
    return f"{settings.fixes_topic}.ticks"


def ensure_tick_topic(settings: Settings) -> None:
    """Create the topic of ticks where it is missing.

    Ticks are kept as long as fixes: one that expired unread would look like lost data to the query.

    Raises:
        TryAgain: as `create_topics`.
    """
    create_topics(settings, {tick_topic(settings): 1})


class SilenceClock:
    """Knows what each shard waits for and sends it a tick when it is time.

    Args:
        settings: where Kafka is.
        shards: the shard numbers. Each gets a first tick, for what was due before the start.
    """

    def __init__(self, settings: Settings, shards: Iterable[int]) -> None:
        self._topic = tick_topic(settings)
        self._producer = Producer(
            {"bootstrap.servers": settings.kafka_address, "client.id": "itrack-ticks", "linger.ms": 0, "acks": 1}
        )
        self._due_ms: dict[int, int | None] = dict.fromkeys(shards, 0)
        self._sent_at: dict[int, datetime] = {}

    def hear(self, reports: Iterable[ShardReport]) -> None:
        """Take note of what shards wait for after a batch."""
        for report in reports:
            if self._due_ms.get(report.shard) != report.due_ms:
                self._sent_at.pop(report.shard, None)
            self._due_ms[report.shard] = report.due_ms

    def tick(self, judged_until: datetime) -> int:
        """Send ticks to the shards that something is due in; returns how many.

        Args:
            judged_until: everything that Kafka had until then is in a finished batch.
        """
        now = datetime.now(UTC)
        until_ms = milliseconds_of(judged_until)
        due = [
            shard
            for shard, due_ms in self._due_ms.items()
            if due_ms is not None
            and due_ms <= until_ms
            and now - self._sent_at.get(shard, datetime.min.replace(tzinfo=UTC)) > _REPEAT_AFTER
        ]
        for shard in due:
            self._producer.produce(self._topic, str(until_ms), str(shard))
            self._sent_at[shard] = now
        self._producer.poll(0)
        return len(due)
