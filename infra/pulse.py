"""What flows through the line right now, for a person who watches."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import msgspec

from infra.census import asking_kafka, open_consumer, partitions_of
from infra.stack import LocalStack
from itrack.mongo import ANOMALIES, FIXES, STAYPOINTS, TRIPS, open_database
from itrack.mongo_errors import asking_mongodb

__all__ = ["Pulse", "Seen"]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The line at one moment. Counts are of everything ever stored here, but `sent` is of this run."""

    sent: int
    stored: int
    published: int
    staypoints: int
    trips: int
    anomalies: int
    rss_bytes: int

    def sentence(self) -> str:
        """One line for the screen."""
        return (
            f"walking: {self.sent} reports sent, {self.stored} fixes in MongoDB, {self.published} messages on Kafka, "
            f"{self.staypoints} stops, {self.trips} trips, {self.anomalies} anomalies; "
            f"{self.rss_bytes / 1024**3:.1f} GiB of memory"
        )


class Pulse:
    """Looks at a running line. A context manager: it holds connections."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._database = open_database(stack.settings, part="pulse")
        self._consumer = open_consumer(stack.settings)
        self._partitions = partitions_of(self._consumer, stack.settings.fixes_topic)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
        self._database.client.close()

    def look(self, sent: int) -> Seen:
        """Count what is there now.

        Raises:
            TryAgain: MongoDB or Kafka does not answer.
        """
        with asking_mongodb("count"), asking_kafka(self._stack.settings):
            return Seen(
                sent=sent,
                stored=self._database[FIXES].estimated_document_count(),
                published=sum(self._consumer.end_offsets(self._partitions).values()),
                staypoints=self._database[STAYPOINTS].estimated_document_count(),
                trips=self._database[TRIPS].estimated_document_count(),
                anomalies=self._database[ANOMALIES].estimated_document_count(),
                rss_bytes=sum(self._stack.rss_bytes().values()),
            )
