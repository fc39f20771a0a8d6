"""Counts what stands in each store, from the outside, the way a doubter would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from itrack.errors import SetAside, TryAgain
from itrack.mongo import ANOMALIES, FIXES, GAPS, SET_ASIDE, STAYPOINTS, TRIPS, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from itrack.wire import decode_fix

__all__ = ["Census", "open_consumer", "partitions_of", "take_census"]


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """What one run left behind.

    Attributes:
        stored: identifiers of the fixes in MongoDB.
        published: identifiers of the fixes on Kafka.
        messages: messages on Kafka; more than `published` when some were sent twice.
        set_aside: what the bridge could not use.
        staypoints, trips, gaps, anomalies: documents of the devices seen in the run.
    """

    stored: frozenset[str]
    published: frozenset[str]
    messages: int
    set_aside: int
    staypoints: int
    trips: int
    gaps: int
    anomalies: int


def take_census(settings: Settings, since_at: datetime) -> Census:
    """Count what was stored at or after a moment.

    Reads every message of the topic of fixes: for trials and tests, not for production.
    """
    database = open_database(settings, part="census")
    try:
        with asking_mongodb("count what was stored"), asking_kafka(settings):
            this_run = {"stored_at": {"$gte": since_at}}
            stored = frozenset(str(each["_id"]) for each in database[FIXES].find(this_run, {"_id": 1}))
            devices = {"device_id": {"$in": database[FIXES].distinct("device_id", this_run)}}
            messages, published = _published(settings, since_at)
            return Census(
                stored=stored,
                published=published,
                messages=messages,
                set_aside=database[SET_ASIDE].count_documents({"seen_at": {"$gte": since_at}}),
                staypoints=database[STAYPOINTS].count_documents(devices),
                trips=database[TRIPS].count_documents(devices),
                gaps=database[GAPS].count_documents(devices),
                anomalies=database[ANOMALIES].count_documents(devices),
            )
    finally:
        database.client.close()


@contextmanager
def asking_kafka(settings: Settings) -> Iterator[None]:
    """Turn what kafka-python raises inside into I-Track's error.

    Raises:
        TryAgain: Kafka does not answer.
    """
    try:
        yield
    except KafkaError as error:
        raise TryAgain(f"Kafka at {settings.kafka_address} did not answer ({type(error).__name__}).") from error


def open_consumer(settings: Settings) -> KafkaConsumer:
    """A consumer that belongs to no group and commits nothing.

    Raises:
        TryAgain: Kafka does not answer.
    """
    with asking_kafka(settings):
        return KafkaConsumer(bootstrap_servers=settings.kafka_address, enable_auto_commit=False)


def partitions_of(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """Every partition of a topic."""
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


def _published(settings: Settings, since_at: datetime) -> tuple[int, frozenset[str]]:
    messages = 0
    seen = set()
    with closing(open_consumer(settings)) as consumer:
        partitions = partitions_of(consumer, settings.fixes_topic)
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=1000, max_records=5000).values():
                for record in records:
                    try:
                        fix = decode_fix(record.value)
                    except SetAside:
                        continue  # the analytics set it aside and count it
                    if fix.stored_at is not None and fix.stored_at >= since_at:
                        messages += 1
                        seen.add(fix.fix_id)
    return messages, frozenset(seen)
