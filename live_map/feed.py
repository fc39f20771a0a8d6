"""Fixes and events from Kafka, read in a thread from the end of the topics: history comes from MongoDB."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from itrack.again import work_until_stopped
from itrack.errors import SetAside, TryAgain
from itrack.fix import Fix
from itrack.mobility import Event
from itrack.settings import Settings
from itrack.wire import decode_event, decode_fix
from live_map.metrics import CONSUMER_LAG, CONSUMER_RESTARTS, MESSAGES, SET_ASIDE

__all__ = ["Feed"]

_CHECK_EVERY_S = 5.0
_ANSWER_WITHIN_MS = 5000

_log = structlog.get_logger()


class Feed(threading.Thread):
    """Reads both topics until it is stopped; no consumer group, so each map gets everything.

    Args:
        settings: where Kafka is and what the topics are called.
        deliver: called in this thread with fixes and events, in Kafka's order.
        begun: called when reading has begun (anew) at the end: what came before has to be read from MongoDB.
        say: called when the feed works or not, with a sentence.
        crashed: called when something happened that nobody foresaw; `error` holds it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        deliver: Callable[[list[Fix], list[Event]], None],
        begun: Callable[[], None],
        say: Callable[[bool, str], None],
        crashed: Callable[[], None],
    ) -> None:
        super().__init__(name="kafka-feed", daemon=True)
        self._settings = settings
        self._deliver = deliver
        self._begun = begun
        self._say = say
        self._crashed = crashed
        self._stopping = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Read until `stop`, beginning anew after every failure."""
        try:
            work_until_stopped(self._work, self._stopping, on_failure=self._failed)
        except Exception as error:  # noqa: BLE001 - a thread must not end unseen
            _log.exception("feed_crashed")
            self.error = error
            self._say(False, "The feed from Kafka ended by a defect; see the log.")
            self._crashed()

    def stop(self, wait_s: float = 3.0) -> None:
        """End the thread; it is a daemon, so that one that hangs in the network holds nobody up."""
        self._stopping.set()
        self.join(wait_s)

    def _failed(self, error: TryAgain) -> None:
        CONSUMER_RESTARTS.inc()
        self._say(False, str(error))
        _log.warning("feed_interrupted", reason=str(error))

    def _work(self) -> None:
        address = self._settings.kafka_address
        try:
            consumer = KafkaConsumer(
                bootstrap_servers=address.split(","),
                client_id="itrack-map",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=_ANSWER_WITHIN_MS,
                request_timeout_ms=_ANSWER_WITHIN_MS,
                reconnect_backoff_max_ms=1000,
                max_poll_records=2000,
                metrics_enabled=False,
            )
            with closing(consumer):
                self._read(consumer)
        except KafkaError as error:
            raise TryAgain(f"Kafka at {address} does not answer ({type(error).__name__}).") from error

    def _read(self, consumer: Any) -> None:
        partitions = self._begin_at_end(consumer)
        self._begun()
        checked_s = 0.0
        while not self._stopping.is_set():
            for partition, records in consumer.poll(timeout_ms=250).items():
                MESSAGES.labels("fixes" if partition.topic == self._settings.fixes_topic else "events").inc(
                    len(records)
                )
                self._hand_over(partition.topic, records)
            if time.monotonic() - checked_s > _CHECK_EVERY_S:
                self._check(consumer, partitions)
                checked_s = time.monotonic()

    def _begin_at_end(self, consumer: Any) -> list[TopicPartition]:
        partitions = self._partitions(consumer)
        consumer.assign(partitions)
        consumer.seek_to_end(*partitions)
        for partition in partitions:
            consumer.position(partition, timeout_ms=_ANSWER_WITHIN_MS)
        return partitions

    def _partitions(self, consumer: Any) -> list[TopicPartition]:
        partitions = []
        for topic in (self._settings.fixes_topic, self._settings.events_topic):
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise TryAgain(f"Kafka has no topic {topic} yet; the producer creates it when it starts.")
            partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
        return partitions

    def _check(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """See that the broker answers: a poll does not tell silence from absence."""
        if self._partitions(consumer) != partitions:
            raise TryAgain("A topic on Kafka has new partitions.")
        ends = consumer.end_offsets(partitions, timeout_ms=_ANSWER_WITHIN_MS)
        CONSUMER_LAG.set(sum(max(0, ends[each] - consumer.position(each)) for each in partitions))
        self._say(True, "working")

    def _hand_over(self, topic: str, records: Iterable[Any]) -> None:
        fixes: list[Fix] = []
        events: list[Event] = []
        for record in records:
            try:
                if topic == self._settings.fixes_topic:
                    fixes.append(decode_fix(record.value or b""))
                else:
                    events.append(decode_event(record.value or b""))
            except SetAside as unreadable:
                SET_ASIDE.labels(unreadable.reason).inc()
        self._deliver(fixes, events)
