"""`itrack habits`: hears of stays and trips on Kafka, and judges each person whom something is told of anew.

An event only says whom and since when: what is judged is what MongoDB has, so that an event that comes twice, late or
out of order changes nothing, and a correction replaces what was concluded from what it corrects. Offsets are committed
once all that was heard is done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import KafkaException, Producer
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from pymongo.database import Database

from habits.counting import FLOW_WINDOW_S, count_new, count_since
from habits.metrics import CONSUMER_LAG, EVENTS, SET_ASIDE
from habits.person import judge_person
from itrack.again import work_until_stopped
from itrack.errors import SetAside, TryAgain
from itrack.lease import Lease, LeaseHeld
from itrack.mobility import Anomaly, Event, Gap, GeofenceVisit, Staypoint, Trip, Tripleg
from itrack.mongo import BOOKMARKS, DEVICES, LIVES, Document, ensure_indexes, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.part import Part
from itrack.settings import Settings, load_settings
from itrack.wire import decode_event, encode

__all__ = ["run"]

_BOOKMARK = "habits"
_BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)
_ANSWER_WITHIN_MS = 5000
_DELIVERED_WITHIN_S = 20.0
_DUE_AT_ONCE = 200
_WITHIN_S = 120.0


def run(settings: Settings | None = None) -> None:
    """Judge until SIGTERM. Of several, one works and the others stand by.

    Raises:
        FixConfiguration: MongoDB refuses, or a zone is none.
    """
    settings = settings or load_settings()
    with Part("habits", settings, settings.habits_metrics_port) as part:

        def failed(error: TryAgain) -> None:
            if isinstance(error, LeaseHeld):
                part.healthy("another one judges habits")
                return
            part.unhealthy(str(error))
            part.log.warning("habits_interrupted", reason=str(error))

        work_until_stopped(lambda: _Judge(settings, part).work(), part.stopping, on_failure=failed)


class _Judge:
    def __init__(self, settings: Settings, part: Part) -> None:
        self._settings = settings
        self._part = part
        self._stopping: threading.Event = part.stopping
        self._producer = Producer(
            {"bootstrap.servers": settings.kafka_address, "client.id": "itrack-habits", "enable.idempotence": True}
        )

    def work(self) -> None:
        database = open_database(self._settings, part="habits")
        try:
            with (
                Lease(database, "habits-lease", work="judge of habits") as lease,
                closing(self._consumer()) as consumer,
            ):
                with asking_mongodb("make indexes"):
                    ensure_indexes(database)
                self._assign(consumer)
                with asking_mongodb("be read from the beginning"):
                    self._begin(database, lease)
                while not self._stopping.is_set():
                    lease.check()
                    self._turn(database, consumer)
                    self._part.healthy()
        except KafkaError as error:
            address = self._settings.kafka_address
            raise TryAgain(f"Kafka at {address} does not answer ({type(error).__name__}).") from error
        finally:
            database.client.close()

    def _consumer(self) -> Any:
        return KafkaConsumer(
            bootstrap_servers=self._settings.kafka_address.split(","),
            client_id="itrack-habits",
            group_id="itrack-habits",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=_ANSWER_WITHIN_MS,
            request_timeout_ms=_ANSWER_WITHIN_MS,
            max_poll_records=500,
            metrics_enabled=False,
        )

    def _assign(self, consumer: Any) -> None:
        """All partitions: the lease sees to it that there is one reader, and its commits stay with the group."""
        topic = self._settings.events_topic
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise TryAgain(f"Kafka has no topic {topic} yet; the producer creates it when it starts.")
        consumer.assign([TopicPartition(topic, number) for number in sorted(numbers)])

    def _begin(self, database: Database[Document], lease: Lease) -> None:
        """At the first start judge everybody's whole past, which Kafka may not have any more."""
        if database[BOOKMARKS].find_one({"_id": _BOOKMARK}) is not None:
            return
        for device in database[DEVICES].find({}, {"_id": 1}):
            if self._stopping.is_set():
                return
            lease.check()
            judge_person(database, self._settings, device["_id"], _BEGINNING, now=datetime.now(UTC), tell=self._tell)
        database[BOOKMARKS].replace_one({"_id": _BOOKMARK}, {"begun_at": datetime.now(UTC)}, upsert=True)

    def _turn(self, database: Database[Document], consumer: Any) -> None:
        polled = consumer.poll(timeout_ms=500)
        since_of, counted = self._changed(record.value or b"" for records in polled.values() for record in records)
        with asking_mongodb("judge habits", within_s=_WITHIN_S):
            now = datetime.now(UTC)
            due = database[LIVES].find({"due_at": {"$lte": now}}, sort=[("due_at", 1)], limit=_DUE_AT_ONCE)
            for each in due:
                since_of[each["_id"]] = min(each["since_at"], since_of.get(each["_id"], each["since_at"]))
            for device_id, since_at in since_of.items():
                judge_person(database, self._settings, device_id, since_at, now=now, tell=self._tell)
            for since_at, until_at in _merged(counted):
                count_since(database, self._settings, since_at, until_at, self._tell)
            count_new(database, self._settings, now, self._tell)
        if polled:
            consumer.commit()
        partitions = list(consumer.assignment())
        ends = consumer.end_offsets(partitions)
        CONSUMER_LAG.set(sum(max(0, ends[each] - consumer.position(each)) for each in partitions))

    def _changed(self, messages: Iterable[bytes]) -> tuple[dict[str, datetime], list[tuple[datetime, datetime]]]:
        """Since when each person has to be judged anew, and which spans of time counted again."""
        since_of: dict[str, datetime] = {}
        spans = []
        for message in messages:
            EVENTS.inc()
            try:
                event = decode_event(message)
                subject = event.subject
            except SetAside as error:
                SET_ASIDE.labels(error.reason).inc()
                continue
            except ValueError:
                SET_ASIDE.labels("event_without_subject").inc()
                continue
            if isinstance(subject, Anomaly | GeofenceVisit):
                continue
            began_at = subject.started_at
            since_of[event.device_id] = min(began_at, since_of.get(event.device_id, began_at))
            spans.append(_span(event, subject))
        return since_of, spans

    def _tell(self, events: list[Event]) -> None:
        """Publish, and wait until Kafka has them."""
        refused: list[object] = []
        try:
            for event in events:
                self._producer.produce(
                    self._settings.events_topic,
                    encode(event),
                    event.device_id.encode(),
                    on_delivery=lambda error, _message: refused.append(error) if error else None,
                )
            waiting = self._producer.flush(_DELIVERED_WITHIN_S)
        except (KafkaException, BufferError) as error:
            raise TryAgain(f"Kafka did not take anomalies by habit: {error}") from error
        if waiting or refused:
            raise TryAgain(f"Kafka did not confirm {waiting + len(refused)} anomalies by habit.")


def _span(event: Event, subject: Staypoint | Trip | Tripleg | Gap) -> tuple[datetime, datetime]:
    """What of the counting an event may change: a stay's end only what comes after it, unless it was corrected."""
    began_at, ended_at = subject.started_at, subject.ended_at
    if not isinstance(subject, Staypoint):
        return began_at, max(subject.ended_at, began_at + timedelta(seconds=FLOW_WINDOW_S))
    if event.is_correction or event.kind.is_withdrawal:
        return began_at, datetime.now(UTC)
    return (began_at, subject.last_fixed_at) if ended_at is None else (ended_at, datetime.now(UTC))


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same spans without overlap."""
    merged: list[tuple[datetime, datetime]] = []
    for since_at, until_at in sorted(spans):
        if merged and since_at <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(until_at, merged[-1][1])
        else:
            merged.append((since_at, until_at))
    return merged
