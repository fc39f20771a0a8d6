"""What people get: the live map and the export."""

from __future__ import annotations

from monitoring.dashboard.panel import RATE, Panel, Row, quantiles

__all__ = ["MAP"]

MAP = Row(
    title="Map and export: what people get",
    panels=[
        Panel(
            title="Open pages",
            description="Pages connected to the live map, and those in the last hour that were refused or dropped "
            "because they did not keep up.",
            unit="short",
            queries={
                "open": "sum(itrack_map_clients)",
                "refused": "sum(increase(itrack_map_refused_clients_total[1h])) or vector(0)",
                "dropped": "sum(increase(itrack_map_dropped_clients_total[1h]))",
            },
        ),
        Panel(
            title="Map behind Kafka",
            description="Messages on Kafka that the map has not read yet. Above a second's worth, pages are late.",
            unit="short",
            queries={"unread": "max(itrack_map_consumer_lag_messages)"},
        ),
        Panel(
            title="Messages and frames",
            description="Messages the map read from Kafka, and frames it sent to pages.",
            unit="cps",
            queries={
                "{{topic}}": f"sum by (topic) (rate(itrack_map_consumer_messages_total{RATE}))",
                "frames": f"sum(rate(itrack_map_frames_sent_total{RATE}))",
            },
        ),
        Panel(
            title="Opening the map",
            description="How long it takes to read what a page needs to begin.",
            unit="s",
            queries=quantiles("itrack_map_state_seconds"),
        ),
        Panel(
            title="Map's troubles",
            description="Kafka consumers begun anew and messages that could not be read, in the last hour.",
            unit="short",
            queries={
                "restarts": "sum(increase(itrack_map_consumer_restarts_total[1h]))",
                "unreadable": "sum(increase(itrack_map_set_aside_total[1h])) or vector(0)",
            },
        ),
        Panel(
            title="Since the last export",
            description="Time since the scheduled export ended well. It runs once a day.",
            unit="s",
            queries={"age": "time() - max(itrack_export_last_success_timestamp_seconds > 0)"},
            kind="stat",
            width=4,
            red_above=26 * 3600,
            no_value="no schedule",
        ),
        Panel(
            title="Export's troubles",
            description="Exports that did not end well in the last day, and rows by which MongoDB and the last day's "
            "files disagree.",
            unit="short",
            queries={
                "failures": "sum(increase(itrack_export_failures_total[1d]))",
                "rows that disagree": "sum(itrack_export_mismatch_rows)",
            },
            kind="stat",
            width=4,
            red_above=1,
            no_value="no schedule",
        ),
        Panel(
            title="Exported in a day",
            description="Rows of each table, and days, that the schedule exported in the last 24 hours; repeats count.",
            unit="short",
            queries={
                "{{table}}": "sum by (table) (increase(itrack_export_rows_total[1d]))",
                "days": "sum(increase(itrack_export_days_total[1d]))",
            },
        ),
        Panel(
            title="Bytes exported in a day",
            description="Bytes of each format that the scheduled export put on S3 in the last 24 hours.",
            unit="bytes",
            queries={"{{format}}": "sum by (format) (increase(itrack_export_bytes_total[1d]))"},
        ),
    ],
)
