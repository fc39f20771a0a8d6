"""What everything stands on: MongoDB, Kafka, S3, the machine."""

from __future__ import annotations

from monitoring.dashboard.panel import RATE, Panel, Row

__all__ = ["HOST", "SERVICES"]

SERVICES = Row(
    title="Services: MongoDB, Kafka, S3",
    panels=[
        Panel(
            title="Probes",
            description="1 when the watch's last look at a service went well. The watch's log says why it did not.",
            unit="short",
            queries={"{{probe}}": "min by (probe) (itrack_watch_probe_success)"},
            red_below=1,
        ),
        Panel(
            title="Answer times",
            description="How long each look took, what S3 took to answer, and how long ago all was looked at.",
            unit="s",
            queries={
                "{{probe}}": "max by (probe) (itrack_watch_probe_duration_seconds)",
                "since the last look": "time() - max(itrack_watch_last_look_timestamp_seconds)",
                "S3 bucket": "max(itrack_s3_head_bucket_seconds)",
            },
        ),
        Panel(
            title="Oplog: time left to come back",
            description="How far back MongoDB remembers writes, and how old each reader's saved place is. A place "
            "older than the oplog cannot be resumed: the reader must read the collection again.",
            unit="s",
            queries={
                "oplog": "min(itrack_mongodb_oplog_window_seconds)",
                "{{reader}}": "max by (reader) (itrack_mongodb_bookmark_age_seconds)",
            },
        ),
        Panel(
            title="Oplog in use",
            description="Part of the oplog's size limit in use. Near 100 % each new write pushes an old one out.",
            unit="percentunit",
            queries={"in use": "max(itrack_mongodb_oplog_used_ratio)"},
            width=4,
        ),
        Panel(
            title="MongoDB takes writes",
            description="Whether the server that answers is the primary.",
            unit="bool_yes_no",
            queries={"primary": "max(itrack_mongodb_primary)"},
            kind="stat",
            width=4,
            red_below=1,
        ),
        Panel(
            title="MongoDB connections in use",
            description="Part of all connections MongoDB allows. At 100 % parts are turned away.",
            unit="percentunit",
            queries={
                "in use": 'sum(itrack_mongodb_connections{state="current"}) / sum(itrack_mongodb_connections)',
            },
            width=4,
            red_above=0.8,
        ),
        Panel(
            title="MongoDB memory",
            description="Memory of the server process.",
            unit="bytes",
            queries={"mongod": "max(itrack_mongodb_resident_memory_bytes)"},
            width=4,
        ),
        Panel(
            title="Documents",
            description="Documents in each collection.",
            unit="short",
            queries={"{{collection}}": "sum by (collection) (itrack_mongodb_documents)"},
        ),
        Panel(
            title="Kafka partitions in trouble",
            description="Partitions without a leader can neither be written nor read; those that lack copies are one "
            "failure away from that.",
            unit="short",
            queries={
                "without a leader": "sum(itrack_kafka_partitions_offline)",
                "lacking copies": "sum(itrack_kafka_partitions_under_replicated)",
            },
            red_above=1,
        ),
        Panel(
            title="Kafka brokers and partitions",
            description="Brokers in the cluster and partitions of each topic. The number of partitions must not "
            "change: it decides which phone's fixes go where.",
            unit="short",
            queries={
                "brokers": "max(itrack_kafka_brokers)",
                "{{topic}}": "sum by (topic) (itrack_kafka_partitions)",
            },
        ),
        Panel(
            title="Kafka messages",
            description="Messages written to each topic.",
            unit="cps",
            queries={"{{topic}}": f"sum by (topic) (rate(itrack_kafka_messages_total{RATE}))"},
        ),
    ],
)

HOST = Row(
    title="Host and programs",
    panels=[
        Panel(
            title="Disk free",
            description="Free part of the disk that holds ITRACK_HOME. A full disk stops everything.",
            unit="percentunit",
            queries={"free": "min(itrack_host_disk_free_bytes / itrack_host_disk_total_bytes)"},
            width=6,
            red_below=0.1,
        ),
        Panel(
            title="Memory available",
            description="Part of the machine's memory that programs can still get.",
            unit="percentunit",
            queries={"available": "min(itrack_host_memory_available_bytes / itrack_host_memory_total_bytes)"},
            width=6,
            red_below=0.1,
        ),
        Panel(
            title="Processors busy",
            description="Part of all processor time that is spent.",
            unit="percentunit",
            queries={"busy": f"clamp_max(max(rate(itrack_host_cpu_busy_seconds_total{RATE}) / itrack_host_cpus), 1)"},
            width=6,
        ),
        Panel(
            title="Memory by part",
            description="Resident memory of each part's own process, without the Java one of the analytics. Steady "
            "growth over days is a leak.",
            unit="bytes",
            queries={"{{part}}": "sum by (part) (process_resident_memory_bytes)"},
            width=6,
        ),
    ],
)
