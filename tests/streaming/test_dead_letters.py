"""Dead letters on Kafka are published once more when they can be read, once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from pymongo.database import Database

from infra.parts import settings_environment
from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mongo import FIXES, REPLAYED_LETTERS, SET_ASIDE, Document
from itrack.settings import Settings
from itrack.wire import dead_letter, document_of, encode, encode_fix, fix_document
from streaming.dead_letters import count_dead_letters, replay_dead_letters

pytestmark = pytest.mark.services

AT = datetime(2026, 1, 1, tzinfo=UTC)


def fix(number: int) -> Fix:
    return Fix(
        fix_id=f"main:{number}",
        device_id=f"main:{number % 7}",
        fixed_at=AT,
        device_at=AT,
        server_at=AT,
        latitude_deg=47.0,
        longitude_deg=8.0,
        stored_at=AT,
    )


def put(settings: Settings, *letters: tuple[str, str, str | bytes], seen_at: datetime = AT) -> None:
    """Put letters, each of origin, reason and raw text, into the topic."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka_address)
    for origin, reason, raw in letters:
        value = encode(dead_letter(origin, SetAside(reason, "in a test"), raw, seen_at))
        producer.send(settings.dead_letter_topic, value)
    producer.flush()
    producer.close()


def published(settings: Settings) -> list[tuple[bytes, bytes]]:
    """Key and value of every message in the topic of fixes."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_address, enable_auto_commit=False)
    partitions = [
        TopicPartition(settings.fixes_topic, each) for each in consumer.partitions_for_topic(settings.fixes_topic)
    ]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    messages: list[tuple[bytes, bytes]] = []
    while any(consumer.position(each) < ends[each] for each in partitions):
        for records in consumer.poll(timeout_ms=500).values():
            messages += [(record.key, record.value) for record in records]
    consumer.close()
    return sorted(messages)


def message(number: int) -> tuple[bytes, bytes]:
    return fix(number).device_id.encode(), encode_fix(fix(number))


def test_only_what_can_be_read_now_is_published(settings: Settings, database: Database[Document]) -> None:
    """Values that are fixes, and documents as they are in MongoDB now; the rest stays with its reason."""
    database[FIXES].insert_many([fix_document(fix(3)), {"_id": "main:4", "schema": 1}])
    put(
        settings,
        (f"kafka:{settings.fixes_topic}/0/1", "logic_failed", encode_fix(fix(1))),
        (f"kafka:{settings.fixes_topic}/3/7", "not_a_fix", b"\xff{"),
        ("kafka:another.topic/0/1", "logic_failed", encode_fix(fix(2))),
        ("mongodb:fixes/main:3", "not_a_fix", '{"_id": "main:3", "latitude_deg": "north"'),
        ("mongodb:fixes/main:4", "not_a_fix", "{}"),
        ("mongodb:fixes/main:5", "not_a_fix", "a fix that is gone stays gone"),
    )
    assert count_dead_letters(settings, database) == Counter({"not_a_fix": 4, "logic_failed": 2})
    done, left = replay_dead_letters(settings, database)
    assert published(settings) == sorted([message(1), message(3)])
    assert done == Counter({"logic_failed": 1, "not_a_fix": 1})
    assert left == count_dead_letters(settings, database) == Counter({"not_a_fix": 3, "logic_failed": 1})


def test_replay_twice_is_replay_once(settings: Settings, database: Database[Document]) -> None:
    """A letter that is there twice is published once, and not again until the input was set aside again."""
    letter = (f"kafka:{settings.fixes_topic}/0/1", "logic_failed", encode_fix(fix(1)))
    put(settings, letter, letter)
    assert replay_dead_letters(settings, database) == (Counter({"logic_failed": 1}), Counter())
    assert replay_dead_letters(settings, database) == (Counter(), Counter())
    assert published(settings) == [message(1)]
    put(settings, letter, seen_at=datetime.now(UTC) + timedelta(seconds=1))
    assert count_dead_letters(settings, database) == Counter({"logic_failed": 1})


def test_messages_that_are_no_letters_are_counted(settings: Settings, database: Database[Document]) -> None:
    """Whatever else is in the topic stops nothing and is told of."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka_address)
    for value in (b"", b"\xff", b'{"letter_id": 7}', None):
        producer.send(settings.dead_letter_topic, value, key=b"key")
    producer.flush()
    producer.close()
    assert count_dead_letters(settings, database) == Counter({"not_a_letter": 4})
    assert replay_dead_letters(settings, database) == (Counter(), Counter({"not_a_letter": 4}))
    assert database[REPLAYED_LETTERS].count_documents({}) == 0


def test_command_covers_both_places(settings: Settings, database: Database[Document]) -> None:
    """`itrack dead-letters` counts by reason, replays, shows hostile text as text and exits well."""

    def itrack(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "itrack", "dead-letters", *words],
            env={**os.environ, **settings_environment(settings), "COLUMNS": "120"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert itrack("list") == "No dead letter waits.\n"
    put(settings, (f"kafka:{settings.fixes_topic}/0/1", "logic_failed", encode_fix(fix(1))))
    hostile = dead_letter("traccar:main/rest", SetAside("[red]not_json[/nothing]", ""), "{", AT)
    database[SET_ASIDE].insert_one(document_of(hostile))
    listed = itrack("list")
    assert "[red]not_json[/nothing]" in listed
    assert "logic_failed" in listed
    assert "Published to Kafka: 0." in itrack("replay", "--reason", "not_json")
    replayed = itrack("replay")
    assert "Published to Kafka: 1." in replayed
    assert "[red]not_json[/nothing]" in replayed
    assert published(settings) == [message(1)]
