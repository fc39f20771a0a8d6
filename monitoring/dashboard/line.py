"""The way of a fix: bridge, producer and stream, each with what it moves, how late it is and what troubles it."""

from __future__ import annotations

from monitoring.dashboard.panel import RATE, Panel, Row, quantiles

__all__ = ["BRIDGE", "HABITS", "PRODUCER", "STREAM"]

_SERVING = "and on (job, instance) (itrack_bridge_active == 1)"
"""Without the bridges that stand by: what they last said may be old."""

BRIDGE = Row(
    title="Bridge: Traccar to MongoDB",
    panels=[
        Panel(
            title="Connected to Traccar",
            description="Whether the socket of every bridge that serves is open. It opens it again by itself.",
            unit="bool_yes_no",
            queries={"connected": f"min(itrack_bridge_connected {_SERVING})"},
            kind="stat",
            width=4,
            red_below=1,
        ),
        Panel(
            title="Bridges",
            description="Bridges that serve a Traccar server, or a share of its phones, and those that stand by.",
            unit="short",
            queries={
                "serving": "count(itrack_bridge_active == 1) or vector(0)",
                "standing by": "count(max by (job, instance) (itrack_bridge_active) == 0) or vector(0)",
            },
            kind="stat",
            width=4,
        ),
        Panel(
            title="Phones",
            description="Phones that Traccar shows to the bridge, and those whose past it still has to read.",
            unit="short",
            queries={
                "known": f"sum(itrack_bridge_devices {_SERVING})",
                "past unread": f"sum(itrack_bridge_histories_waiting {_SERVING})",
            },
            kind="stat",
            width=4,
        ),
        Panel(
            title="Fixes from Traccar",
            description="Fixes that entered MongoDB, those among them that the socket never showed, and those that "
            "came again and changed nothing.",
            unit="cps",
            queries={
                "stored": f"sum(rate(itrack_bridge_fixes_stored_total{RATE}))",
                "found by comparing": f"sum(rate(itrack_bridge_reconciled_fixes_total{RATE}))",
                "again": f"sum(rate(itrack_bridge_fixes_duplicate_total{RATE}))",
            },
        ),
        Panel(
            title="Positions not accounted for",
            description="Position ids that Traccar has given and that are neither stored nor explained yet. "
            "Each must come back to zero: what stays here may be lost.",
            unit="short",
            queries={
                "open": f"sum((itrack_bridge_highest_position_id - itrack_bridge_settled_position_id) {_SERVING})"
            },
        ),
        Panel(
            title="Since Traccar was heard",
            description="Time since the socket said anything (Traccar does so every 55 s even when no phone reports), "
            "and since MongoDB was last compared with Traccar to the end.",
            unit="s",
            queries={
                "socket": "time() - max(itrack_bridge_last_frame_timestamp_seconds > 0)",
                "comparison": "time() - max(itrack_bridge_reconciled_timestamp_seconds > 0)",
            },
        ),
        Panel(
            title="Writing to MongoDB",
            description="Time until MongoDB acknowledged a batch of fixes, on a majority and journalled.",
            unit="s",
            queries=quantiles("itrack_bridge_mongo_write_seconds"),
        ),
        Panel(
            title="Waiting on disk",
            description="Fixes on the bridges' disks that came while MongoDB was away. They go in when it is back.",
            unit="short",
            queries={"fixes": "sum(itrack_bridge_spool_items)", "KiB": "sum(itrack_bridge_spool_bytes) / 1024"},
        ),
        Panel(
            title="Questions to Traccar",
            description="REST requests by what they asked for. Many mean that the socket misses much.",
            unit="cps",
            queries={"{{what}}": f"sum by (what) (rate(itrack_bridge_requests_total{RATE}))"},
        ),
        Panel(
            title="Bridge's troubles",
            description="In the last hour: sockets lost, by reason; inputs set aside; fixes put off since neither "
            "MongoDB nor the disk took them; fixes of phones the bridge may not see; position ids given up unasked; "
            "damaged spools.",
            unit="short",
            queries={
                "lost: {{reason}}": "sum by (reason) (increase(itrack_bridge_reconnects_total[1h]))",
                "set aside": "sum(increase(itrack_bridge_set_aside_total[1h])) or vector(0)",
                "put off": "sum(increase(itrack_bridge_fixes_deferred_total[1h]))",
                "not permitted": "sum(increase(itrack_bridge_fixes_not_permitted_total[1h]))",
                "given up": "sum(increase(itrack_bridge_unproven_ids_total[1h]))",
                "damaged spools": "sum(increase(itrack_bridge_spool_damaged_total[1h]))",
            },
        ),
    ],
)

PRODUCER = Row(
    title="Producer: MongoDB to Kafka",
    panels=[
        Panel(
            title="Fixes published",
            description="Fixes handed to Kafka, and those among them re-read from the collection after a gap.",
            unit="cps",
            width=6,
            queries={
                "published": f"sum(rate(itrack_producer_published_total{RATE}))",
                "re-read": f"sum(rate(itrack_producer_refilled_fixes_total{RATE}))",
            },
        ),
        Panel(
            title="Behind MongoDB",
            description="Age of the newest fix when it was published, and of the saved place in the change stream. "
            "The place is saved every 10 s when nothing happens.",
            unit="s",
            width=6,
            queries={
                "newest fix": "max(itrack_producer_lag_seconds)",
                "saved place": "time() - min(itrack_producer_bookmark_timestamp_seconds > 0)",
            },
            red_above=60,
        ),
        Panel(
            title="Producer's troubles",
            description="Whether a gap is being re-read now; in the last hour, restarts from the bookmark, gaps "
            "re-read, messages Kafka refused for good and documents set aside. All zero on a good day.",
            unit="short",
            width=6,
            queries={
                "re-reading now": "max(itrack_producer_refilling)",
                "restarts": "sum(increase(itrack_producer_restarts_total[1h]))",
                "refills": "sum(increase(itrack_producer_refills_total[1h])) or vector(0)",
                "refused": "sum(increase(itrack_producer_delivery_errors_total[1h]))",
                "set aside": "sum(increase(itrack_producer_dead_letters_total[1h])) or vector(0)",
            },
        ),
        Panel(
            title="Slots",
            description="Slots that each producer works on; 0 stands by. They add up to the number of slots.",
            unit="short",
            width=6,
            queries={"{{instance}}": "itrack_producer_slots"},
        ),
    ],
)

STREAM = Row(
    title="Stream: Kafka to stops, trips and events",
    panels=[
        Panel(
            title="Fixes judged and events found",
            description="Fixes the analytics went through, all messages they read (ticks too), and events by kind.",
            unit="cps",
            queries={
                "fixes": f"sum(rate(itrack_analytics_fixes_total{RATE}))",
                "messages": f"sum(rate(itrack_analytics_rows_total{RATE}))",
                "{{kind}}": f"sum by (kind) (rate(itrack_analytics_events_total{RATE}))",
            },
        ),
        Panel(
            title="Messages behind",
            description="Messages the newest micro-batch left unread, in the worst partition. "
            "Growing means the analytics are too slow for what arrives.",
            unit="short",
            queries={"behind": "max(itrack_analytics_offsets_behind)"},
        ),
        Panel(
            title="Length of a micro-batch",
            description="From its trigger to its commit. It bounds how fast an event can be known.",
            unit="s",
            queries=quantiles("itrack_analytics_batch_seconds"),
        ),
        Panel(
            title="Since the last progress",
            description="Time since the streaming query ended a micro-batch or found nothing to do. "
            "A query that hangs shows here and nowhere else.",
            unit="s",
            queries={"last progress": "time() - max(itrack_analytics_last_progress_timestamp_seconds > 0)"},
            red_above=60,
        ),
        Panel(
            title="State",
            description="Phones the analytics remember, over all shards.",
            unit="short",
            queries={"phones": "sum(itrack_analytics_state_devices)"},
            width=4,
        ),
        Panel(
            title="State in bytes",
            description="Size of what they remember, over all shards. It is rewritten with each micro-batch.",
            unit="bytes",
            queries={"state": "sum(itrack_analytics_state_bytes)"},
            width=4,
        ),
        Panel(
            title="Set aside by the stream",
            description="Fixes set aside by reason, messages that were no fixes, writes that had to be repeated, and "
            "deaths of the query, in the last hour.",
            unit="short",
            queries={
                "{{reason}}": "sum by (reason) (increase(itrack_analytics_fixes_set_aside_total[1h]))",
                "not a fix": "sum(increase(itrack_analytics_dead_letters_total[1h])) or vector(0)",
                "repeated writes": "sum(increase(itrack_analytics_sink_retries_total[1h]))",
                "query died": "sum(increase(itrack_analytics_query_failures_total[1h]))",
            },
        ),
        Panel(
            title="Late fixes",
            description="Phones whose past is judged anew since fixes came too late for the stream: asked for and done "
            "in the last hour, and waiting now; and fixes that came again and changed nothing.",
            unit="short",
            queries={
                "asked": "sum(increase(itrack_analytics_repairs_asked_total[1h]))",
                "done": "sum(increase(itrack_analytics_repairs_done_total[1h]))",
                "waiting": "sum(itrack_analytics_repairs_waiting)",
                "repeated fixes": "sum(increase(itrack_analytics_fixes_repeated_total[1h]))",
            },
        ),
        Panel(
            title="Time for a repair",
            description="How long it takes to judge one phone's past anew.",
            unit="s",
            queries=quantiles("itrack_analytics_repair_seconds"),
        ),
    ],
)

HABITS = Row(
    title="Habits: people's days and places judged by their own past",
    panels=[
        Panel(
            title="Counted until",
            description="How long ago the newest window ends in which people were counted by cells.",
            unit="s",
            queries={"ago": "time() - min(itrack_habits_counted_until_timestamp_seconds)"},
            kind="stat",
            width=4,
        ),
        Panel(
            title="Events waiting",
            description="Findings on Kafka that habits have not heard of. It has to come back to zero.",
            unit="short",
            queries={"waiting": "sum(itrack_habits_consumer_lag_messages)"},
            width=4,
        ),
        Panel(
            title="Events and windows",
            description="Findings read, and counting windows counted, the second time of a corrected one included.",
            unit="cps",
            queries={
                "events": f"sum(rate(itrack_habits_events_total{RATE}))",
                "windows": f"sum(rate(itrack_habits_windows_total{RATE}))",
            },
        ),
        Panel(
            title="Anomalies by habit",
            description="What was unusual for that person, or for that place, told and withdrawn in the last hour; and "
            "what habits could not use.",
            unit="short",
            queries={
                "{{what}} {{kind}}": "sum by (what, kind) (increase(itrack_habits_anomalies_total[1h]))",
                "set aside": "sum(increase(itrack_habits_set_aside_total[1h]))",
            },
        ),
        Panel(
            title="Time to judge a person",
            description="How long it takes to judge one person's past anew, as is done after each finding.",
            unit="s",
            queries=quantiles("itrack_habits_judge_seconds"),
        ),
    ],
)
