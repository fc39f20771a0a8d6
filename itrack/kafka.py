"""Kafka: the topics, and making sure that they exist."""

from __future__ import annotations

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from itrack.errors import TryAgain
from itrack.settings import Settings

__all__ = ["ensure_topics"]


def ensure_topics(settings: Settings) -> None:
    """Create the topics of fixes, events and dead letters where they are missing.

    Raises:
        TryAgain: the broker did not answer or did not do it.
    """
    try:
        admin = KafkaAdminClient(bootstrap_servers=settings.kafka_address, client_id="itrack-topics")
        try:
            existing = set(admin.list_topics())
            for name in (settings.fixes_topic, settings.events_topic, settings.dead_letter_topic):
                if name not in existing:
                    _create(admin, name, settings)
        finally:
            admin.close()
    except KafkaError as error:
        raise TryAgain(f"Kafka at {settings.kafka_address} did not create the topics: {error}") from error


def _create(admin: KafkaAdminClient, name: str, settings: Settings) -> None:
    topic = NewTopic(
        name=name,
        num_partitions=settings.kafka_partitions,
        replication_factor=settings.kafka_replication,
        topic_configs={"retention.ms": str(settings.kafka_retention_hours * 3_600_000)},
    )
    try:
        admin.create_topics([topic])
    except TopicAlreadyExistsError:
        return
