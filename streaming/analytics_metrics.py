"""What the analytics tell Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "BATCH_SECONDS",
    "DEAD_LETTERS",
    "DEVICES",
    "EVENTS",
    "EVENT_LATENCY_SECONDS",
    "FIXES",
    "LAST_PROGRESS",
    "OFFSETS_BEHIND",
    "QUERY_FAILURES",
    "ROWS",
    "SET_ASIDE",
    "SINK_RETRIES",
    "STATE_BYTES",
]

LAST_PROGRESS = Gauge(
    "itrack_analytics_last_progress_timestamp_seconds",
    "When the streaming query last finished a micro-batch or found nothing to do.",
)
BATCH_SECONDS = Histogram(
    "itrack_analytics_batch_seconds",
    "How long a micro-batch took, from its trigger to its commit.",
    buckets=(0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60),
)
ROWS = Counter("itrack_analytics_rows_total", "Kafka messages read by the streaming query, ticks included.")
FIXES = Counter("itrack_analytics_fixes_total", "Fixes decoded and judged.")
SET_ASIDE = Counter(
    "itrack_analytics_fixes_set_aside_total",
    "Fixes that were judged and set aside, by reason; `late` ones wait for a repair.",
    ["reason"],
)
DEAD_LETTERS = Counter(
    "itrack_analytics_dead_letters_total", "Kafka messages that could not be used and were kept aside.", ["reason"]
)
EVENTS = Counter("itrack_analytics_events_total", "Events published, by kind.", ["kind"])
EVENT_LATENCY_SECONDS = Histogram(
    "itrack_analytics_event_latency_seconds",
    "From the moment an event could be known to its publication.",
    buckets=(0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 3600),
)
OFFSETS_BEHIND = Gauge(
    "itrack_analytics_offsets_behind", "How many messages the newest micro-batch left unread, in the worst partition."
)
STATE_BYTES = Gauge("itrack_analytics_state_bytes", "Size of a shard's packed state.", ["shard"])
DEVICES = Gauge("itrack_analytics_state_devices", "Phones in a shard's state.", ["shard"])
SINK_RETRIES = Counter(
    "itrack_analytics_sink_retries_total", "Attempts to write findings to MongoDB or Kafka that had to be repeated."
)
QUERY_FAILURES = Counter(
    "itrack_analytics_query_failures_total", "How often the streaming query died and was restarted."
)
