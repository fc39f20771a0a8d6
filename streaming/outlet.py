"""The way out for findings: documents to MongoDB, messages to Kafka, confirmed by both.

Doing it twice leaves what doing it once leaves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.database import Database

from itrack.errors import TryAgain
from itrack.mobility import Event, Staypoint
from itrack.mongo import FINDINGS, STAYPOINTS, Document
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from itrack.trajectory.news import News, id_of
from itrack.trajectory.words import Finding
from itrack.wire import document_of, encode
from streaming.analytics_metrics import EVENT_LATENCY_SECONDS, EVENTS

__all__ = ["Outlet", "Stopped", "Write", "Writes", "grow", "other_writes", "put", "writes_of_events"]

Write = ReplaceOne[Document] | DeleteOne | UpdateOne

Writes = dict[str, dict[str, Write]]
"""By collection and identifier."""

_DELIVERY_TIMEOUT_S = 30.0
_STOP_PATIENCE_S = 3.0
"""So long Kafka may take to confirm messages after the analytics were told to stop."""
_FLUSH_TURN_S = 0.5
_GROWS = ("last_fixed_at", "latitude_deg", "longitude_deg", "fix_count")
"""What changes while a stay goes on."""


class Stopped(Exception):
    """The analytics are to stop while a batch could not be written; the next start repeats the batch."""


class Outlet:
    """Writes and publishes for one thread.

    Args:
        settings: where Kafka is.
        database: of the project.
        client_id: how Kafka knows this part.
        stopping: when set, what Kafka does not take soon is given up.

    Raises:
        TryAgain: from every method, when MongoDB or Kafka is away: do all of it again.
        Stopped: Kafka is away and the part is to stop.
    """

    def __init__(
        self, settings: Settings, database: Database[Document], client_id: str, stopping: threading.Event
    ) -> None:
        self._settings = settings
        self._database = database
        self._stopping = stopping
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka_address,
                "client.id": client_id,
                "enable.idempotence": True,
                "linger.ms": 1,
                "delivery.timeout.ms": int(_DELIVERY_TIMEOUT_S * 1000),
            }
        )

    def store(self, writes_by_collection: Writes) -> None:
        """Write documents, journalled on a majority."""
        with asking_mongodb("write findings"):
            for collection, writes in writes_by_collection.items():
                self._database[collection].bulk_write(list(writes.values()), ordered=False)

    def tell(self, events: Sequence[Event]) -> None:
        """Publish events; they are on Kafka when this returns."""
        published_at = datetime.now(UTC)
        published = [msgspec.structs.replace(event, published_at=published_at) for event in events]
        self.publish(self._settings.events_topic, [(event.device_id.encode(), encode(event)) for event in published])
        for event in events:
            EVENTS.labels(kind=event.kind).inc()
            if not event.is_correction:
                EVENT_LATENCY_SECONDS.observe(max(0.0, (published_at - event.knowable_at).total_seconds()))

    def publish(self, topic: str, messages: Iterable[tuple[bytes | None, bytes]]) -> None:
        """Publish keys and values; they are on Kafka when this returns."""
        failures: list[KafkaError] = []

        def on_delivery(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        has_any = False
        try:
            for key, value in messages:
                has_any = True
                while True:
                    try:
                        self._producer.produce(topic, value, key, on_delivery=on_delivery)
                        break
                    except BufferError:
                        if self._stopping.is_set():
                            raise Stopped from None
                        self._producer.poll(0.1)
        except KafkaException as error:
            raise TryAgain(f"Kafka at {self._settings.kafka_address} did not take a message: {error}") from error
        left = self._flush() if has_any else 0
        if failures or left:
            problem = failures[0].str() if failures else f"{left} messages were not confirmed"
            raise TryAgain(f"Kafka at {self._settings.kafka_address} did not store messages: {problem}")

    def _flush(self) -> int:
        """Wait for Kafka to confirm what was published; returns how many messages it did not."""
        ends_s = time.monotonic() + _DELIVERY_TIMEOUT_S + 5
        patience_s = _STOP_PATIENCE_S
        while (left := int(self._producer.flush(_FLUSH_TURN_S))) and time.monotonic() < ends_s:
            if self._stopping.is_set():
                patience_s -= _FLUSH_TURN_S
                if patience_s <= 0:
                    raise Stopped
        return left


def put(writes: Writes, finding: Finding, *, is_gone: bool) -> None:
    """Add that a finding is to be written, or is gone."""
    key = id_of(finding)
    only = {"_id": key}
    write: Write = DeleteOne(only) if is_gone else ReplaceOne(only, document_of(finding), upsert=True)
    writes.setdefault(FINDINGS[type(finding)], {})[key] = write


def grow(writes: Writes, staypoint: Staypoint) -> None:
    """Add how far a stay has come that goes on; one that was withdrawn meanwhile is not written again."""
    grown = {name: getattr(staypoint, name) for name in _GROWS}
    write = UpdateOne({"_id": staypoint.staypoint_id, "ended_at": None}, {"$set": grown})
    writes.setdefault(STAYPOINTS, {})[f"{staypoint.staypoint_id}:grown"] = write


def writes_of_events(news: News) -> Writes:
    """What events tell of, to be written before they go out."""
    writes: Writes = {}
    for event in news.events:
        put(writes, event.subject, is_gone=event.kind.is_withdrawal)
    return writes


def other_writes(news: News) -> Writes:
    """What no event tells of."""
    writes: Writes = {}
    for dropped in news.dropped:
        put(writes, dropped, is_gone=True)
    for kept in news.kept:
        put(writes, kept, is_gone=False)
    return writes
