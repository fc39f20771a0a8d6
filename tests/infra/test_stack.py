"""The local stack is real: each service does what the product needs of it."""

from __future__ import annotations

import pytest
from kafka import KafkaConsumer, KafkaProducer

from itrack.mongo import open_database
from itrack.s3 import open_s3
from itrack.settings import Settings

pytestmark = pytest.mark.services


def test_mongodb_has_change_streams(settings: Settings) -> None:
    """An insert shows up in a change stream, which only a replica set offers."""
    database = open_database(settings, part="tests")
    with database["anything"].watch(max_await_time_ms=200) as stream:
        database["anything"].insert_one({"_id": 1})
        assert stream.next()["documentKey"] == {"_id": 1}
    database.client.close()


def test_kafka_keeps_what_was_acknowledged(settings: Settings) -> None:
    """A message that the broker acknowledged can be read back from its topic."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka_address)
    producer.send(settings.fixes_topic, key=b"device", value=b"value").get(timeout=20)
    producer.close()
    consumer = KafkaConsumer(
        settings.fixes_topic,
        bootstrap_servers=settings.kafka_address,
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
    )
    assert next(iter(consumer)).value == b"value"
    consumer.close()


def test_s3_returns_the_bytes_that_were_put(settings: Settings) -> None:
    """An object that was put is read back whole, with its metadata."""
    s3 = open_s3(settings)
    s3.put_object(Bucket=settings.s3_bucket, Key="a/b.txt", Body=b"whole", Metadata={"rows": "1"})
    answer = s3.get_object(Bucket=settings.s3_bucket, Key="a/b.txt")
    assert (answer["Body"].read(), answer["Metadata"]) == (b"whole", {"rows": "1"})
