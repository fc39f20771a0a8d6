"""Is the promise to the people kept? The first row: what arrives, how fast, and what was set aside."""

from __future__ import annotations

from monitoring.dashboard.panel import Panel, Row, quantiles

__all__ = ["PROMISE"]

PROMISE = Row(
    title="The promise: fixes arrive, at once, and none is lost",
    panels=[
        Panel(
            title="Alerts",
            description="Alerts that fire now. Each has a section in docs/monitoring.md that says what to do.",
            unit="short",
            queries={"firing": 'count(ALERTS{alertstate="firing", severity!="none"}) or vector(0)'},
            kind="stat",
            width=3,
            height=4,
            red_above=1,
        ),
        Panel(
            title="Parts down",
            description="Parts that do not answer Prometheus; a scheduled export counts only where it runs.",
            unit="short",
            queries={"down": 'count(up{part!="export"} == 0) or vector(0)'},
            kind="stat",
            width=3,
            height=4,
            red_above=1,
        ),
        Panel(
            title="Newest fix",
            description="Time since the bridge stored a fix. Long at night is normal: phones that rest are silent.",
            unit="s",
            queries={"age": "time() - max(itrack_fixes_newest_stored_timestamp_seconds)"},
            kind="stat",
            width=3,
            height=4,
            no_value="no fix yet",
        ),
        Panel(
            title="From Traccar to MongoDB",
            description="How long the newest fix took from Traccar to MongoDB. Above a few seconds the bridge is late.",
            unit="s",
            queries={
                "delay": "max(itrack_fixes_newest_stored_timestamp_seconds)"
                " - max(itrack_fixes_newest_server_timestamp_seconds)"
            },
            kind="stat",
            width=3,
            height=4,
            red_above=5,
            no_value="no fix yet",
        ),
        Panel(
            title="Fixes stored",
            description="Fixes in MongoDB.",
            unit="short",
            queries={"fixes": 'sum(itrack_mongodb_documents{collection="fixes"})'},
            kind="stat",
            width=3,
            height=4,
        ),
        Panel(
            title="Fixes on Kafka",
            description="Messages ever written to the topic of fixes. At least as many as are stored: repeats count.",
            unit="short",
            queries={"messages": 'sum(itrack_kafka_messages_total{topic=~".*fixes"})'},
            kind="stat",
            width=3,
            height=4,
        ),
        Panel(
            title="Set aside",
            description="Inputs nobody could use, kept in MongoDB and on Kafka for a person to look at.",
            unit="short",
            queries={
                "by the bridge": 'sum(itrack_mongodb_documents{collection="set_aside"})',
                "on Kafka": 'sum(itrack_kafka_messages_total{topic=~".*dead-letter"})',
            },
            kind="stat",
            width=6,
            height=4,
        ),
        Panel(
            title="Fix to map",
            description="From the moment Traccar received a fix to the moment the map sent it to browsers.",
            unit="s",
            queries=quantiles("itrack_map_fix_latency_seconds"),
            width=12,
            red_above=1,
        ),
        Panel(
            title="Event to Kafka",
            description="From the moment a stop, trip or anomaly could be known to its publication.",
            unit="s",
            queries=quantiles("itrack_analytics_event_latency_seconds"),
            width=12,
            red_above=5,
        ),
    ],
)
