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
    "REPAIRS_ASKED",
    "REPAIRS_DONE",
    "REPAIRS_WAITING",
    "REPAIR_SECONDS",
    "REPEATED",
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
    "Fixes that were judged and set aside, by reason.",
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
REPEATED = Counter("itrack_analytics_fixes_repeated_total", "Fixes that came again and changed nothing.")
REPAIRS_ASKED = Counter(
    "itrack_analytics_repairs_asked_total", "Repairs asked for since a fix came too late for the stream."
)
REPAIRS_DONE = Counter("itrack_analytics_repairs_done_total", "Repairs done.")
REPAIRS_WAITING = Gauge("itrack_analytics_repairs_waiting", "Phones whose past waits to be judged anew.")
REPAIR_SECONDS = Histogram(
    "itrack_analytics_repair_seconds",
    "How long the repair of one phone took.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)
