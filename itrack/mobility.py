"""What the analytics make of fixes: staypoints, trips and their triplegs, gaps, visits to geofences, anomalies, and the
events that tell of them.

Words follow trackintel's data model (positionfix → staypoint → tripleg → trip). Every identifier is computed
from the inputs, so that doing the same work twice overwrites and never adds. `judged_at` is, in each of them, the time
of the fix that made it what it is, and `rules` names the version of the rules that found it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from itrack.instant import Instant

__all__ = [
    "EVENT_SCHEMA",
    "FINDING_SCHEMA",
    "Anomaly",
    "Event",
    "EventKind",
    "Gap",
    "GeofenceVisit",
    "Mode",
    "Passage",
    "Severity",
    "Staypoint",
    "Trip",
    "Tripleg",
    "Verdict",
    "computed_id",
]

EVENT_SCHEMA = 2
"""Version of the event as it is written to Kafka. Readers set newer ones aside."""

FINDING_SCHEMA = 2
"""Version of what is found (staypoints, trips, …) as it is written to MongoDB. Readers set newer ones aside."""


def computed_id(device_id: str, kind: str, at_ms: int) -> str:
    """The identifier of a thing that `device_id` began to do at a moment (ms since 1970 UTC): same inputs, same one."""
    return f"{device_id}:{kind}:{at_ms}"


class Severity(StrEnum):
    """How much an anomaly should disturb a person."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Mode(StrEnum):
    """How a person moved."""

    UNKNOWN = "unknown"
    WALK = "walk"
    RUN = "run"
    BICYCLE = "bicycle"
    MOTORISED = "motorised"


class Staypoint(msgspec.Struct, frozen=True, kw_only=True):
    """A stop: the person stayed within a radius for at least the dwell time.

    `ended_at` is None while the person is still there. `latitude_deg` and `longitude_deg` are the centre of the
    accepted fixes.
    """

    staypoint_id: str
    device_id: str
    started_at: Instant
    ended_at: Instant | None
    last_fixed_at: Instant
    latitude_deg: float
    longitude_deg: float
    fix_count: int
    judged_at: Instant
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
    judged_at: Instant
    rules: str


class Tripleg(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a trip in one mode of movement; `confidence` 0..1 that it is this one."""

    tripleg_id: str
    device_id: str
    trip_id: str
    started_at: Instant
    ended_at: Instant
    mode: Mode
    confidence: float
    distance_m: float
    fix_count: int
    judged_at: Instant
    rules: str


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """The phone was silent and somewhere else afterwards. No line and no distance is invented over it."""

    gap_id: str
    device_id: str
    started_at: Instant
    ended_at: Instant
    beeline_m: float
    judged_at: Instant
    rules: str


class GeofenceVisit(msgspec.Struct, frozen=True, kw_only=True):
    """A person was inside a geofence; `dwelled_at` and `exited_at` are None until they have stayed long, and left."""

    visit_id: str
    device_id: str
    fence_id: str
    entered_at: Instant
    dwelled_at: Instant | None
    exited_at: Instant | None
    judged_at: Instant
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
    judged_at: Instant
    rules: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A fix was set aside: it is kept and not used. `flag` can be counted, `reason` is a sentence."""

    fix_id: str
    device_id: str
    fixed_at: Instant
    flag: str
    reason: str
    judged_at: Instant
    rules: str


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A person on the move was in an H3 cell during a window of time."""

    passage_id: str
    device_id: str
    cell: str
    window_started_at: Instant
    judged_at: Instant


class EventKind(StrEnum):
    """What an event on `itrack.events` tells.

    Something is *withdrawn* when it was told and fixes that came later show that it was not so.
    Who shows it removes it.
    """

    STAYPOINT_STARTED = "staypoint_started"
    STAYPOINT_ENDED = "staypoint_ended"
    STAYPOINT_WITHDRAWN = "staypoint_withdrawn"
    TRIP_ENDED = "trip_ended"
    TRIP_WITHDRAWN = "trip_withdrawn"
    TRIPLEG_ENDED = "tripleg_ended"
    TRIPLEG_WITHDRAWN = "tripleg_withdrawn"
    GAP_FOUND = "gap_found"
    GAP_WITHDRAWN = "gap_withdrawn"
    GEOFENCE_ENTERED = "geofence_entered"
    GEOFENCE_DWELLED = "geofence_dwelled"
    GEOFENCE_EXITED = "geofence_exited"
    GEOFENCE_WITHDRAWN = "geofence_withdrawn"
    ANOMALY_FOUND = "anomaly_found"
    ANOMALY_WITHDRAWN = "anomaly_withdrawn"

    @property
    def is_withdrawal(self) -> bool:
        """The subject is to be removed."""
        return self.value.endswith("_withdrawn")


Subject = Staypoint | Trip | Tripleg | Gap | GeofenceVisit | Anomaly
"""What an event can be about."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """News from the analytics: one of the six subjects is set, the one that `kind` names.

    Attributes:
        event_id: computed from the subject; the same event may arrive more than once.
        happened_at: event time of the subject.
        knowable_at: server time of the fix (or of the silence) that made it knowable; latency counts from here.
        published_at: when the analytics published it.
        is_correction: fixes that came late have changed what was told before.
    """

    schema: int = EVENT_SCHEMA
    event_id: str
    kind: EventKind
    device_id: str
    happened_at: Instant
    knowable_at: Instant
    published_at: Instant | None = None
    is_correction: bool = False
    staypoint: Staypoint | None = None
    trip: Trip | None = None
    tripleg: Tripleg | None = None
    gap: Gap | None = None
    visit: GeofenceVisit | None = None
    anomaly: Anomaly | None = None

    @property
    def subject(self) -> Subject:
        """What it is about."""
        for subject in (self.staypoint, self.trip, self.tripleg, self.gap, self.visit, self.anomaly):
            if subject is not None:
                return subject
        raise ValueError(f"event {self.event_id} has no subject")
