"""Where findings go. Doing it twice leaves what doing it once leaves.

What events tell of goes to MongoDB, then the events go to Kafka, so that who hears of a trip finds it. What nobody
waits for comes last: how far open stops have come, and the counts. A batch is done when all of it is written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import stamina
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.database import Database

from itrack.errors import TryAgain
from itrack.instant import Instant
from itrack.mobility import Event, EventKind, Staypoint
from itrack.mongo import (
    ANOMALIES,
    CELL_COUNTS,
    GAPS,
    STAYPOINTS,
    TRIPS,
    Document,
    ensure_indexes,
    open_database,
)
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from itrack.trajectory.cells import CellPart
from itrack.trajectory.point import instant_of
from itrack.wire import DeadLetter, document_of, encode
from streaming.analytics_metrics import DEAD_LETTERS, EVENT_LATENCY_SECONDS, EVENTS, SINK_RETRIES
from streaming.shards import ShardReport

__all__ = ["AnalyticsSink", "Stopped"]

Write = ReplaceOne[Document] | DeleteOne | UpdateOne

_DELIVERY_TIMEOUT_S = 30.0
_STOP_PATIENCE_S = 3.0
"""So long Kafka may take to confirm messages after the analytics were told to stop."""
_FLUSH_TURN_S = 0.5
_decode_event = msgspec.json.Decoder(Event).decode
_decode_staypoint = msgspec.json.Decoder(Staypoint).decode
_decode_letter = msgspec.json.Decoder(DeadLetter).decode
_decode_report = msgspec.json.Decoder(ShardReport).decode
_decode_part = msgspec.json.Decoder(tuple[int, CellPart]).decode


class Stopped(Exception):
    """The analytics are to stop while a batch could not be written; the next start repeats the batch."""


class AnalyticsSink:
    """Writes the findings of one micro-batch after another.

    Args:
        settings: where MongoDB and Kafka are.
        stopping: when set, an unwritten batch is given up; the checkpoint still has it.
        on_trouble: told in a sentence when a write has to be repeated.
    """

    def __init__(self, settings: Settings, stopping: threading.Event, on_trouble: Callable[[str], None]) -> None:
        self._settings = settings
        self._stopping = stopping
        self._on_trouble = on_trouble
        self._database: Database[Document] = open_database(settings, part="analytics")
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka_address,
                "client.id": "itrack-analytics",
                "enable.idempotence": True,
                "linger.ms": 1,
                "delivery.timeout.ms": int(_DELIVERY_TIMEOUT_S * 1000),
            }
        )

    def prepare(self) -> None:
        """Make sure that the collections have their indexes.

        Raises:
            TryAgain, FixConfiguration: as `asking_mongodb`.
        """
        with asking_mongodb("make indexes"):
            ensure_indexes(self._database)

    def close(self) -> None:
        """Let go of MongoDB."""
        self._database.client.close()

    def write(self, rows: Iterable[tuple[str, bytes]]) -> list[ShardReport]:
        """Write a batch, trying for as long as it takes, and return what its shards report.

        Raises:
            FixConfiguration: MongoDB refuses.
            Stopped: the analytics are to stop and the other side is away.
        """
        batch = _Batch(self._settings.density_window_s)
        for kind, payload in rows:
            batch.add(kind, payload)
        for attempt in stamina.retry_context(on=self._may_repeat, attempts=None, timeout=None, wait_max=2.0):
            with attempt:
                if attempt.num > 1 and self._stopping.is_set():
                    raise Stopped
                self._write(batch)
        return batch.reports

    def _may_repeat(self, error: Exception) -> bool:
        if not isinstance(error, TryAgain):
            return False
        SINK_RETRIES.inc()
        self._on_trouble(f"Findings cannot be written and are tried again: {error}")
        return True

    def _write(self, batch: _Batch) -> None:
        self._publish(self._settings.dead_letter_topic, [(None, encode(letter)) for letter in batch.letters])
        self._store(batch.event_writes)
        published_at = datetime.now(UTC)
        published = [msgspec.structs.replace(event, published_at=published_at) for event in batch.events]
        self._publish(self._settings.events_topic, [(event.device_id.encode(), encode(event)) for event in published])
        self._store(batch.writes)
        for letter in batch.letters:
            DEAD_LETTERS.labels(reason=letter.reason).inc()
        for event in batch.events:
            EVENTS.labels(kind=event.kind).inc()
            EVENT_LATENCY_SECONDS.observe(max(0.0, (published_at - event.knowable_at).total_seconds()))

    def _store(self, writes_by_collection: dict[str, dict[str, Write]]) -> None:
        with asking_mongodb("write findings"):
            for collection, writes in writes_by_collection.items():
                self._database[collection].bulk_write(list(writes.values()), ordered=False)

    def _publish(self, topic: str, messages: list[tuple[bytes | None, bytes]]) -> None:
        failures: list[KafkaError] = []

        def on_delivery(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        try:
            for key, value in messages:
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
        left = self._flush() if messages else 0
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


class _Batch:
    """The findings of one micro-batch; of several writes to one document the last counts.

    `event_writes` are what events tell of. `writes` are the rest, and come after them.
    """

    def __init__(self, window_s: int) -> None:
        self._window = timedelta(seconds=window_s)
        self.events: list[Event] = []
        self.letters: list[DeadLetter] = []
        self.reports: list[ShardReport] = []
        self.event_writes: dict[str, dict[str, Write]] = {}
        self.writes: dict[str, dict[str, Write]] = {}

    def add(self, kind: str, payload: bytes) -> None:
        match kind:
            case "event":
                self._add_event(_decode_event(payload))
            case "staypoint":
                _replace(self.writes, STAYPOINTS, _decode_staypoint(payload))
            case "cell_part":
                self._add_part(*_decode_part(payload))
            case "dead_letter":
                self.letters.append(_decode_letter(payload))
            case "report":
                self.reports.append(_decode_report(payload))
            case _:
                raise ValueError(f"a shard told of an unknown kind of finding: {kind}")

    def _add_event(self, event: Event) -> None:
        self.events.append(event)
        if event.kind is EventKind.STAYPOINT_WITHDRAWN and event.staypoint is not None:
            staypoint_id = event.staypoint.staypoint_id
            self.event_writes.setdefault(STAYPOINTS, {})[staypoint_id] = DeleteOne({"_id": staypoint_id})
            return
        for collection, subject in (
            (STAYPOINTS, event.staypoint),
            (TRIPS, event.trip),
            (GAPS, event.gap),
            (ANOMALIES, event.anomaly),
        ):
            if subject is not None:
                _replace(self.event_writes, collection, subject)

    def _add_part(self, shard: int, part: CellPart) -> None:
        """Replace one part of a count and add the parts up again, in one step on the server."""
        window_started_at: Instant = instant_of(part.window_ms)
        name = f"{shard}_{part.opened_ms}"
        counts = {"fix_count": part.fix_count, "device_count": len(part.device_ids)}
        self.writes.setdefault(CELL_COUNTS, {})[f"{part.cell}:{part.window_ms}:{name}"] = UpdateOne(
            {"_id": f"{part.cell}:{part.window_ms}"},
            [
                {
                    "$set": {
                        "cell": part.cell,
                        "window_started_at": window_started_at,
                        "window_ended_at": window_started_at + self._window,
                        f"parts.{name}": counts,
                    }
                },
                {"$set": {total: _sum_of_parts(total) for total in counts}},
            ],
            upsert=True,
        )


def _replace(writes: dict[str, dict[str, Write]], collection: str, subject: msgspec.Struct) -> None:
    document = document_of(subject)
    writes.setdefault(collection, {})[document["_id"]] = ReplaceOne({"_id": document["_id"]}, document, upsert=True)


def _sum_of_parts(name: str) -> dict[str, Any]:
    return {"$sum": {"$map": {"input": {"$objectToArray": "$parts"}, "in": f"$$this.v.{name}"}}}
