"""What the analytics make of fixes: staypoints, trips, gaps, anomalies, counts, and the events that tell of them.

Words follow trackintel's data model (positionfix → staypoint → tripleg → trip). Every identifier is computed
from the inputs, so that doing the same work twice overwrites and never adds.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from itrack.instant import Instant

__all__ = [
    "EVENT_SCHEMA",
    "Anomaly",
    "CellCount",
    "Event",
    "EventKind",
    "Gap",
    "Severity",
    "Staypoint",
    "Trip",
    "computed_id",
]

EVENT_SCHEMA = 1
"""Version of the event as it is written to Kafka. Readers set newer ones aside."""


def computed_id(device_id: str, kind: str, at: datetime) -> str:
    """The identifier of a thing that `device_id` began to do `at` a moment: same inputs, same identifier."""
    return f"{device_id}:{kind}:{int(at.timestamp() * 1000)}"


class Severity(StrEnum):
    """How much an anomaly should disturb a person."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Staypoint(msgspec.Struct, frozen=True, kw_only=True):
    """A stop: the person stayed within a radius for at least the dwell time.

    `ended_at` is None while the person is still there. `latitude_deg` and `longitude_deg` are the centre of the
    accepted fixes; `rules` names the version of the rules that found it.
    """

    staypoint_id: str
    device_id: str
    started_at: Instant
    ended_at: Instant | None
    last_fixed_at: Instant
    latitude_deg: float
    longitude_deg: float
    fix_count: int
    rules: str


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """The movement between two staypoints (None where the record begins, ends or has a gap)."""

    trip_id: str
    device_id: str
    started_at: Instant
    ended_at: Instant
    from_staypoint_id: str | None
    to_staypoint_id: str | None
    distance_m: float
    fix_count: int
    rules: str


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """The phone was silent and somewhere else afterwards. No line and no distance is invented over it."""

    gap_id: str
    device_id: str
    started_at: Instant
    ended_at: Instant
    beeline_m: float
    rules: str


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person should look at, with a sentence that says why."""

    anomaly_id: str
    device_id: str
    kind: str
    severity: Severity
    happened_at: Instant
    sentence: str
    fix_id: str | None
    rules: str


class CellCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many fixes of how many devices fell into one H3 cell during one window."""

    cell_count_id: str
    cell: str
    window_started_at: Instant
    window_ended_at: Instant
    fix_count: int
    device_count: int


class EventKind(StrEnum):
    """What an event on `itrack.events` tells.

    `staypoint_withdrawn`: silence had suggested a staypoint, and fixes that came later show that there was none.
    Who shows staypoints removes it.
    """

    STAYPOINT_STARTED = "staypoint_started"
    STAYPOINT_ENDED = "staypoint_ended"
    STAYPOINT_WITHDRAWN = "staypoint_withdrawn"
    TRIP_ENDED = "trip_ended"
    GAP_FOUND = "gap_found"
    ANOMALY_FOUND = "anomaly_found"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """News from the analytics: one of the five subjects is set, the one that `kind` names.

    Attributes:
        event_id: computed from the subject; the same event may arrive more than once.
        happened_at: event time of the subject.
        knowable_at: server time of the fix (or of the silence) that made it knowable; latency counts from here.
        published_at: when the analytics published it.
    """

    schema: int = EVENT_SCHEMA
    event_id: str
    kind: EventKind
    device_id: str
    happened_at: Instant
    knowable_at: Instant
    published_at: Instant | None = None
    staypoint: Staypoint | None = None
    trip: Trip | None = None
    gap: Gap | None = None
    anomaly: Anomaly | None = None
