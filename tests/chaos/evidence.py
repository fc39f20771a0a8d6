"""What Traccar, MongoDB and Kafka hold, read past every proxy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from itrack.fix import Fix
from itrack.mongo import DEVICES, FIXES, SET_ASIDE, Document, open_database
from itrack.settings import Settings
from itrack.wire import decode_fix
from simulator.stand_in.records import Position

__all__ = [
    "Evidence",
    "FixesReader",
    "Record",
    "Sighting",
    "Stored",
    "TopicReader",
    "read_mongodb",
    "sighting_of",
    "sightings",
]

Sighting = tuple[str, datetime, float, float]
"""Device, time of the fix, latitude and longitude: what has to be the same wherever a fix is kept."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message of the topic of fixes, and the fix in it."""

    partition: int
    key: bytes | None
    value: bytes
    fix: Fix


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What MongoDB holds.

    Attributes:
        fixes: documents by identifier.
        order: their identifiers in the order of their inserts in the oplog, which is what a change stream follows.
        set_aside: reasons of what the bridge could not use.
        devices: name and status, by identifier.
    """

    fixes: dict[str, Document]
    order: list[str]
    set_aside: list[str] = field(default_factory=list)
    devices: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a verdict is found from.

    Attributes:
        due: fixes that Traccar has and the bridge's user may see: each has to be everywhere.
        allowed: these, and those that were there once: nothing else may be anywhere.
        devices: names of the devices that the bridge's user may see, by identifier.
        stored: in MongoDB.
        published: messages of the topic of fixes, in the order of their offsets.
        dead_letters: the texts of them.
        unordered: fixes whose order on Kafka is not looked at.
    """

    due: dict[str, Sighting]
    allowed: dict[str, Sighting]
    devices: dict[str, str] = field(default_factory=dict)
    stored: Stored
    published: list[Record]
    dead_letters: list[str] = field(default_factory=list)
    unordered: set[str] = field(default_factory=set)


def sightings(positions: Iterable[Position], server: str) -> dict[str, Sighting]:
    """Traccar's positions, by the identifier of the fix that each has to become."""
    return {
        f"{server}:{each.id}": (
            f"{server}:{each.device_id}",
            datetime.fromisoformat(each.fix_time),
            each.latitude,
            each.longitude,
        )
        for each in positions
    }


def sighting_of(document: Document) -> Sighting:
    """A document of `fixes`, to be compared with Traccar's."""
    return document["device_id"], document["fixed_at"], document["latitude_deg"], document["longitude_deg"]


def read_mongodb(settings: Settings) -> Stored:
    """Everything the bridge wrote.

    Raises:
        PyMongoError: MongoDB is away.
    """
    database = open_database(settings, part="test")
    try:
        inserts = {"op": "i", "ns": f"{database.name}.{FIXES}"}
        oplog = database.client["local"]["oplog.rs"]
        return Stored(
            fixes={each["_id"]: each for each in database[FIXES].find()},
            order=[each["o"]["_id"] for each in oplog.find(inserts, {"o._id": 1}).sort("$natural", 1)],
            set_aside=[str(each["reason"]) for each in database[SET_ASIDE].find({}, {"reason": 1})],
            devices={each["_id"]: (each["name"], each["status"]) for each in database[DEVICES].find()},
        )
    finally:
        database.client.close()


class TopicReader:
    """Reads a topic to its present end, each time from where it stood.

    A new client each time: the broker may have died in between, and then has forgotten nothing.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._address = settings.kafka_address
        self._topic = topic
        self._next: dict[TopicPartition, int] = {}

    def read(self) -> list[ConsumerRecord]:
        """What is new.

        Raises:
            KafkaError: the broker is away.
        """
        found: list[ConsumerRecord] = []
        consumer = KafkaConsumer(bootstrap_servers=self._address, enable_auto_commit=False)
        try:
            partitions = [
                TopicPartition(self._topic, each) for each in consumer.partitions_for_topic(self._topic) or ()
            ]
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            for each in partitions:
                consumer.seek(each, self._next.get(each, 0))
            while any(consumer.position(each) < ends[each] for each in partitions):
                for records in consumer.poll(timeout_ms=500).values():
                    found += records
            self._next = {each: consumer.position(each) for each in partitions}
        finally:
            consumer.close()
        return found


class FixesReader:
    """Reads the topic of fixes, and remembers."""

    def __init__(self, settings: Settings) -> None:
        self._topic = TopicReader(settings, settings.fixes_topic)
        self._records: list[Record] = []

    def read(self) -> list[Record]:
        """All so far; those of one partition in their order.

        Raises:
            KafkaError: the broker is away.
        """
        self._records += [
            Record(each.partition, each.key, each.value, decode_fix(each.value)) for each in self._topic.read()
        ]
        return self._records
