"""Is Kafka well, and what is in I-Track's topics?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from itrack.settings import Settings

__all__ = ["KafkaProbe"]


class KafkaProbe:
    """Asks any broker. Needs `Describe` on the cluster and on the three topics."""

    name = "kafka"

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self._address = settings.kafka_address
        self._topics = [settings.fixes_topic, settings.events_topic, settings.dead_letter_topic]
        self._timeout_ms = int(timeout_s * 1000)

    def measure(self) -> Iterator[Metric]:
        """Look at the brokers, at the partitions of the topics, and at what they hold.

        Raises:
            KafkaError: no broker answers, or it refuses.
        """
        admin = KafkaAdminClient(
            bootstrap_servers=self._address,
            client_id="itrack-watch",
            request_timeout_ms=self._timeout_ms,
            bootstrap_timeout_ms=self._timeout_ms,
        )
        try:
            yield GaugeMetricFamily(
                "itrack_kafka_brokers", "Brokers in the cluster.", value=len(admin.describe_cluster()["brokers"])
            )
            topics = [topic for topic in admin.describe_topics(self._topics) if not topic["error_code"]]
            yield from _partitions(topics)
            yield from _messages(admin, topics)
            yield from _sizes(admin, self._topics)
        finally:
            admin.close()


def _partitions(topics: list[dict[str, Any]]) -> Iterator[Metric]:
    total = GaugeMetricFamily(
        "itrack_kafka_partitions", "Partitions of a topic; absent without the topic.", labels=["topic"]
    )
    offline = GaugeMetricFamily(
        "itrack_kafka_partitions_offline", "Partitions of a topic without a leader.", labels=["topic"]
    )
    lacking = GaugeMetricFamily(
        "itrack_kafka_partitions_under_replicated",
        "Partitions of a topic with copies that lag or are gone.",
        labels=["topic"],
    )
    for topic in topics:
        partitions = topic["partitions"]
        total.add_metric([topic["name"]], len(partitions))
        offline.add_metric([topic["name"]], sum(each["leader_id"] < 0 for each in partitions))
        lacking.add_metric(
            [topic["name"]], sum(len(each["isr_nodes"]) < len(each["replica_nodes"]) for each in partitions)
        )
    yield from (total, offline, lacking)


def _messages(admin: KafkaAdminClient, topics: list[dict[str, Any]]) -> Iterator[Metric]:
    wanted = {
        TopicPartition(topic["name"], each["partition_index"]): OffsetSpec.LATEST
        for topic in topics
        for each in topic["partitions"]
        if each["leader_id"] >= 0
    }
    messages: Counter[str] = Counter({topic["name"]: 0 for topic in topics})
    for place, end in admin.list_partition_offsets(wanted).items():
        messages[place.topic] += end.offset
    family = CounterMetricFamily(
        "itrack_kafka_messages", "Messages ever written to a topic: the sum of its end offsets.", labels=["topic"]
    )
    for topic, count in messages.items():
        family.add_metric([topic], count)
    yield family


def _sizes(admin: KafkaAdminClient, topics: list[str]) -> Iterator[Metric]:
    sizes: Counter[str] = Counter()
    for broker in admin.describe_log_dirs(topics):
        for folder in broker["log_dirs"]:
            for topic in folder["topics"]:
                sizes[topic["name"]] += sum(each["partition_size"] for each in topic["partitions"])
    family = GaugeMetricFamily(
        "itrack_kafka_log_size_bytes", "Disk space of a topic over all brokers and copies.", labels=["topic"]
    )
    for topic, size in sizes.items():
        family.add_metric([topic], size)
    yield family
