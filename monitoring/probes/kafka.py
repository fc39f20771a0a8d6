"""Is Kafka well, and what is in I-Track's topics?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec, TopicMetadata
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from itrack.settings import Settings

__all__ = ["KafkaProbe"]


class KafkaProbe:
    """Asks any broker. Needs `Describe` on the three topics.

    One client for the whole life: it connects when it is asked, and again after an outage.
    """

    name = "kafka"

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._topics = (settings.fixes_topic, settings.events_topic, settings.dead_letter_topic)
        self._admin = AdminClient(
            {
                "bootstrap.servers": settings.kafka_address,
                "client.id": "itrack-watch",
                "log_level": 0,  # what goes wrong is raised, and told once
            }
        )

    def measure(self) -> Iterator[Metric]:
        """Look at the brokers, at the partitions of the topics, and at what they hold.

        Raises:
            KafkaException: no broker answers, or it refuses.
        """
        cluster = self._admin.list_topics(timeout=self._timeout_s)
        topics = [cluster.topics[name] for name in self._topics if name in cluster.topics]
        yield GaugeMetricFamily("itrack_kafka_brokers", "Brokers that are up.", value=len(cluster.brokers))
        yield from _partitions(topics)
        yield self._messages(topics)

    def _messages(self, topics: list[TopicMetadata]) -> Metric:
        places = [
            TopicPartition(topic.topic, number)
            for topic in topics
            for number, partition in topic.partitions.items()
            if partition.leader >= 0
        ]
        messages = Counter({topic.topic: 0 for topic in topics})
        latest = {place: OffsetSpec.latest() for place in places}
        answers = self._admin.list_offsets(latest, request_timeout=self._timeout_s) if latest else {}
        for place, answer in answers.items():
            messages[place.topic] += answer.result().offset
        family = CounterMetricFamily(
            "itrack_kafka_messages", "Messages ever written to a topic: the sum of its end offsets.", labels=["topic"]
        )
        for topic, count in messages.items():
            family.add_metric([topic], count)
        return family


def _partitions(topics: list[TopicMetadata]) -> Iterator[Metric]:
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
        partitions = topic.partitions.values()
        total.add_metric([topic.topic], len(partitions))
        offline.add_metric([topic.topic], sum(each.leader < 0 for each in partitions))
        lacking.add_metric([topic.topic], sum(len(each.isrs) < len(each.replicas) for each in partitions))
    yield from (total, offline, lacking)
