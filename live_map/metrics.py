"""What the live map tells Prometheus about itself."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "CLIENTS",
    "CONSUMER_LAG",
    "CONSUMER_RESTARTS",
    "DROPPED_CLIENTS",
    "FIX_LATENCY",
    "FRAMES_SENT",
    "MESSAGES",
    "REFUSED_CLIENTS",
    "SET_ASIDE",
    "STATE_SECONDS",
]

CLIENTS = Gauge("itrack_map_clients", "Pages that are connected now.")
REFUSED_CLIENTS = Counter("itrack_map_refused_clients_total", "Connections that were refused.", ["reason"])
DROPPED_CLIENTS = Counter("itrack_map_dropped_clients_total", "Pages dropped because they did not keep up.")
FRAMES_SENT = Counter("itrack_map_frames_sent_total", "Frames sent to pages.")
FIX_LATENCY = Histogram(
    "itrack_map_fix_latency_seconds",
    "From the moment Traccar received a fix to the moment it was handed to every open page.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
MESSAGES = Counter("itrack_map_consumer_messages_total", "Messages read from Kafka.", ["topic"])
SET_ASIDE = Counter("itrack_map_set_aside_total", "Messages from Kafka that could not be read.", ["reason"])
CONSUMER_LAG = Gauge("itrack_map_consumer_lag_messages", "Messages on Kafka that the live map has not read yet.")
CONSUMER_RESTARTS = Counter("itrack_map_consumer_restarts_total", "Times the Kafka consumer had to begin anew.")
STATE_SECONDS = Histogram("itrack_map_state_seconds", "Time to read what a page needs to begin.")
