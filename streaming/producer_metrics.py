"""What the producer tells Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

__all__ = [
    "BOOKMARK_TIMESTAMP",
    "DEAD_LETTERS",
    "DELIVERY_ERRORS",
    "LAG",
    "PUBLISHED",
    "REFILLED",
    "REFILLING",
    "REFILLS",
    "RESTARTS",
    "SLOTS",
]

PUBLISHED = Counter("itrack_producer_published_total", "Fixes handed to Kafka, repeated ones included.")
DEAD_LETTERS = Counter(
    "itrack_producer_dead_letters_total", "Documents that could not be published and were set aside.", ["reason"]
)
BOOKMARK_TIMESTAMP = Gauge(
    "itrack_producer_bookmark_timestamp_seconds",
    "MongoDB's time up to which Kafka has acknowledged everything; older than the oplog means a refill.",
    ["slot"],
)
LAG = Gauge(
    "itrack_producer_lag_seconds", "Age of the newest published fix when it was published; 0 when caught up.", ["slot"]
)
REFILLS = Counter(
    "itrack_producer_refills_total", "Times that fixes were re-read from the collection, by reason.", ["reason"]
)
for _reason in (
    "first_start",
    "history_lost",
    "stream_failed",
    "stream_closed",
    "token_invalid",
    "event_too_large",
    "collection_dropped",
):
    REFILLS.labels(_reason)  # at 0 from the beginning, so that the first one is seen as a rise
REFILLING = Gauge("itrack_producer_refilling", "1 while fixes are re-read from the collection, otherwise 0.", ["slot"])
REFILLED = Counter("itrack_producer_refilled_fixes_total", "Fixes re-read from the collection.")
DELIVERY_ERRORS = Counter("itrack_producer_delivery_errors_total", "Messages that Kafka refused for good.")
RESTARTS = Counter("itrack_producer_restarts_total", "Times that the producer began again from its bookmark.")
SLOTS = Gauge("itrack_producer_slots", "Slots that this producer works on; 0 while it stands by.")
