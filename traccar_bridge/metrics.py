"""What the bridge tells Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "ACTIVE",
    "CONNECTED",
    "DEFERRED",
    "DEVICES",
    "DUPLICATES",
    "HIGHEST_ID",
    "HISTORIES_WAITING",
    "LAST_FRAME",
    "MONGO_WRITE",
    "NOT_PERMITTED",
    "RECONCILED",
    "RECONCILED_TIMESTAMP",
    "RECONNECTS",
    "REQUESTS",
    "SETTLED_ID",
    "SET_ASIDE",
    "SPOOL_BYTES",
    "SPOOL_DAMAGED",
    "SPOOL_ITEMS",
    "STORED",
    "TOKEN_EXPIRES",
    "UNPROVEN",
]

ACTIVE = Gauge(
    "itrack_bridge_active",
    "1 while this bridge serves that share of the server's devices, 0 while it stands by.",
    ["server", "share"],
)
CONNECTED = Gauge("itrack_bridge_connected", "1 while Traccar's socket is open, otherwise 0.")
LAST_FRAME = Gauge("itrack_bridge_last_frame_timestamp_seconds", "When the socket last said anything.")
RECONNECTS = Counter("itrack_bridge_reconnects_total", "Times that the socket was lost or refused.", ["reason"])
DEVICES = Gauge("itrack_bridge_devices", "Devices that Traccar shows to the bridge's user.")
STORED = Counter("itrack_bridge_fixes_stored_total", "Fixes that entered MongoDB.")
DUPLICATES = Counter("itrack_bridge_fixes_duplicate_total", "Fixes that came again and changed nothing.")
DEFERRED = Counter(
    "itrack_bridge_fixes_deferred_total",
    "Inputs of the socket left to reconciliation since neither MongoDB nor the spool could take them.",
)
SPOOL_ITEMS = Gauge("itrack_bridge_spool_items", "Fixes on this machine's disk that wait for MongoDB.")
SPOOL_BYTES = Gauge("itrack_bridge_spool_bytes", "Size of the fixes on disk that wait for MongoDB.")
SPOOL_DAMAGED = Counter(
    "itrack_bridge_spool_damaged_total", "Spool files that were damaged and put beside; reconciliation replaces them."
)
NOT_PERMITTED = Counter(
    "itrack_bridge_fixes_not_permitted_total", "Fixes of devices that Traccar does not list for the bridge's user."
)
SET_ASIDE = Counter("itrack_bridge_set_aside_total", "Inputs that could not be used and are kept.", ["reason"])
MONGO_WRITE = Histogram(
    "itrack_bridge_mongo_write_seconds",
    "Time until MongoDB acknowledged a batch of fixes.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
TOKEN_EXPIRES = Gauge(
    "itrack_bridge_token_expires_timestamp_seconds", "When the token in use ends; 0 without one that says when."
)
REQUESTS = Counter("itrack_bridge_requests_total", "REST requests to Traccar.", ["what"])
RECONCILED = Counter("itrack_bridge_reconciled_fixes_total", "Fixes that only reconciliation found.")
RECONCILED_TIMESTAMP = Gauge(
    "itrack_bridge_reconciled_timestamp_seconds", "When MongoDB was last compared with Traccar to the end."
)
HIGHEST_ID = Gauge("itrack_bridge_highest_position_id", "Highest position id that Traccar is known to have given.")
SETTLED_ID = Gauge("itrack_bridge_settled_position_id", "Every position id up to this one is accounted for.")
HISTORIES_WAITING = Gauge("itrack_bridge_histories_waiting", "Devices whose past is still to be read.")
UNPROVEN = Counter(
    "itrack_bridge_unproven_ids_total", "Position ids that were not asked one by one since too many are hidden."
)
