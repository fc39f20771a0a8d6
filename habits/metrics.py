"""Metrics of the judge of habits."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["ANOMALIES", "CONSUMER_LAG", "COUNTED_UNTIL", "EVENTS", "JUDGE_SECONDS", "SET_ASIDE", "WINDOWS"]

EVENTS = Counter("itrack_habits_events_total", "Events read by the judge of habits.")
SET_ASIDE = Counter("itrack_habits_set_aside_total", "Events or documents that habits could not use.", ["reason"])
ANOMALIES = Counter(
    "itrack_habits_anomalies_total", "Anomalies by habit that were told or withdrawn.", ["kind", "what"]
)
JUDGE_SECONDS = Histogram("itrack_habits_judge_seconds", "How long it takes to judge one person anew.")
WINDOWS = Counter("itrack_habits_windows_total", "Counting windows counted, again ones included.")
COUNTED_UNTIL = Gauge("itrack_habits_counted_until_timestamp_seconds", "People are counted by cells until then.")
CONSUMER_LAG = Gauge("itrack_habits_consumer_lag_messages", "Events on Kafka that habits have not heard of.")
