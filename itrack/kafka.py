"""Kafka: the topics, and making sure that they exist."""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from itrack.errors import TryAgain
from itrack.settings import Settings

__all__ = ["create_topics", "ensure_topics"]

_TIMEOUT_S = 5.0
_BY_BROKERS_CLOCK = {"message.timestamp.type": "LogAppendTime"}
"""A broker refuses what a client's clock dates an hour ahead, and deletes early what it dates long ago."""


def ensure_topics(settings: Settings) -> None:
    """Create the topics of fixes, events and dead letters where they are missing.

    Raises:
        TryAgain: as `create_topics`.
    """
    names = (settings.fixes_topic, settings.events_topic, settings.dead_letter_topic)
    create_topics(settings, dict.fromkeys(names, settings.kafka_partitions))


def create_topics(settings: Settings, partitions: Mapping[str, int]) -> None:
    """Create the topics that are missing, and wait until they can be used; one that exists stays as it is.

    Args:
        settings: where Kafka is, how often it keeps each message and for how long.
        partitions: how many each topic gets, by the topic's name.

    Raises:
        TryAgain: the broker did not answer or did not do it.
    """
    admin = AdminClient({"bootstrap.servers": settings.kafka_address, "client.id": "itrack-topics", "log_level": 4})
    try:
        existing = admin.list_topics(timeout=_TIMEOUT_S).topics
        missing = [
            NewTopic(
                name,
                num_partitions=number,
                replication_factor=settings.kafka_replication,
                config={"retention.ms": str(settings.kafka_retention_hours * 3_600_000), **_BY_BROKERS_CLOCK},
            )
            for name, number in partitions.items()
            if name not in existing
        ]
        if missing:
            for created in admin.create_topics(
                missing, operation_timeout=_TIMEOUT_S, request_timeout=2 * _TIMEOUT_S
            ).values():
                _require(created.exception())
            _wait_for(admin, {topic.topic for topic in missing})
    except KafkaException as error:
        raise TryAgain(f"Kafka at {settings.kafka_address} did not create the topics: {error}") from error


def _require(error: BaseException | None) -> None:
    """Go on when there is no error, or when somebody else was first."""
    if error is None:
        return
    if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
        return
    raise error


def _wait_for(admin: AdminClient, names: set[str]) -> None:
    """Wait for the broker to hear of topics from its controller, which takes it some milliseconds."""
    ends_s = time.monotonic() + _TIMEOUT_S
    while unknown := names - set(admin.list_topics(timeout=_TIMEOUT_S).topics):
        if time.monotonic() > ends_s:
            raise TryAgain(f"Kafka created the topics {', '.join(sorted(unknown))} but does not know them yet.")
        time.sleep(0.05)
