"""The dead letters on Kafka: counted, and published once more when they can be read.

A topic forgets nothing, so MongoDB remembers which letters were replayed. It does so after Kafka has acknowledged what
they led to; a kill in between publishes a fix twice, which readers take for one. A letter that comes again after its
replay is a new one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from pymongo import ReplaceOne
from pymongo.database import Database

from itrack.errors import SetAside, TryAgain
from itrack.mongo import FIXES, REPLAYED_LETTERS, Document
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from itrack.wire import DeadLetter, decode_dead_letter, decode_fix, encode_fix, encode_fix_document
from streaming.publisher import Publisher
from streaming.refill import fixes_by_id

__all__ = ["count_dead_letters", "replay_dead_letters"]

_ANSWER_WITHIN_MS = 5_000
_PATIENCE_S = 30.0


def count_dead_letters(settings: Settings, database: Database[Document]) -> Counter[str]:
    """How many different inputs are in the topic of dead letters and were not replayed, by reason.

    Raises:
        TryAgain: Kafka or MongoDB is away.
    """
    counts: Counter[str] = Counter()
    counted: set[str] = set()
    for letters, unreadable in _batches(settings):
        counts += unreadable
        for letter in _pending(database, letters, counted):
            counts[letter.reason] += 1
            counted.add(letter.letter_id)
    return +counts


def replay_dead_letters(
    settings: Settings, database: Database[Document], reason: str | None = None
) -> tuple[Counter[str], Counter[str]]:
    """Publish what can be read now: values that are fixes, and documents of MongoDB as they are there now.

    Args:
        settings: where Kafka is, and its topics.
        database: of the project.
        reason: only letters with this one.

    Returns:
        How many were published and how many stay, each by reason.

    Raises:
        TryAgain: Kafka or MongoDB is away; what is done stays done.
        FixConfiguration: Kafka does not let this user publish.
    """
    done: Counter[str] = Counter()
    left: Counter[str] = Counter()
    handled: set[str] = set()
    stopping = threading.Event()
    with closing(Publisher(settings, stopping, on_silence=lambda _: stopping.set())) as publisher:
        for letters, unreadable in _batches(settings):
            left += Counter({each: count for each, count in unreadable.items() if reason in (None, each)})
            wanted = [each for each in letters if reason in (None, each.reason)]
            pending = _pending(database, wanted, handled)
            published = _publish(settings, database, publisher, pending)
            publisher.settle()
            _remember(database, published)
            handled |= {letter.letter_id for letter in pending}
            for letter in pending:
                (done if letter.letter_id in published else left)[letter.reason] += 1
    return done, +left


def _publish(
    settings: Settings, database: Database[Document], publisher: Publisher, letters: list[DeadLetter]
) -> set[str]:
    """Publish the fixes of the letters; identifiers of the letters that had one."""
    names = {letter.letter_id: letter.origin.removeprefix(f"mongodb:{FIXES}/") for letter in letters}
    documents = fixes_by_id(database, [names[each.letter_id] for each in letters if each.origin.startswith("mongodb:")])
    published: set[str] = set()
    for letter in letters:
        try:
            if letter.origin.startswith("mongodb:"):
                key, value = encode_fix_document(documents.get(names[letter.letter_id], {}))
            elif letter.origin.startswith(f"kafka:{settings.fixes_topic}/"):
                fix = decode_fix(letter.raw.encode("utf-8", "replace"))
                key, value = fix.device_id.encode(), encode_fix(fix)
            else:
                continue
            publisher.publish(settings.fixes_topic, key, value)
        except SetAside:
            continue
        published.add(letter.letter_id)
    return published


def _pending(database: Database[Document], letters: list[DeadLetter], handled: set[str]) -> list[DeadLetter]:
    """Each letter once, without those that were handled or were not seen again since their replay."""
    by_age = sorted(letters, key=lambda letter: letter.seen_at)
    newest = {letter.letter_id: letter for letter in by_age if letter.letter_id not in handled}
    with asking_mongodb("look which letters were replayed"):
        found = list(database[REPLAYED_LETTERS].find({"_id": {"$in": list(newest)}}))
    replayed_at = {document["_id"]: document["replayed_at"] for document in found}
    return [
        letter
        for letter_id, letter in newest.items()
        if letter_id not in replayed_at or letter.seen_at > replayed_at[letter_id]
    ]


def _remember(database: Database[Document], letter_ids: set[str]) -> None:
    now = datetime.now(UTC)
    writes = [ReplaceOne({"_id": each}, {"_id": each, "replayed_at": now}, upsert=True) for each in letter_ids]
    if writes:
        with asking_mongodb("remember which letters were replayed"):
            database[REPLAYED_LETTERS].bulk_write(writes, ordered=False)


def _batches(settings: Settings) -> Iterator[tuple[list[DeadLetter], Counter[str]]]:
    """The letters in the topic when this begins, and how many messages beside them cannot be read, by reason."""
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka_address.split(","),
            client_id="itrack-dead-letters",
            group_id=None,
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=_ANSWER_WITHIN_MS,
        )
        with closing(consumer):
            numbers = consumer.partitions_for_topic(settings.dead_letter_topic) or ()
            partitions = [TopicPartition(settings.dead_letter_topic, number) for number in sorted(numbers)]
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            answered_s = time.monotonic()
            while any(consumer.position(each) < ends[each] for each in partitions):
                polled = consumer.poll(timeout_ms=1000).values()
                if polled:
                    yield _decoded([record.value or b"" for records in polled for record in records])
                    answered_s = time.monotonic()
                elif time.monotonic() - answered_s > _PATIENCE_S:
                    raise TryAgain(f"Kafka at {settings.kafka_address} stopped answering.")
    except KafkaError as error:
        raise TryAgain(f"Kafka at {settings.kafka_address} does not answer ({type(error).__name__}).") from error


def _decoded(values: list[bytes]) -> tuple[list[DeadLetter], Counter[str]]:
    letters: list[DeadLetter] = []
    unreadable: Counter[str] = Counter()
    for value in values:
        try:
            letters.append(decode_dead_letter(value))
        except SetAside as error:
            unreadable[error.reason] += 1
    return letters, unreadable
