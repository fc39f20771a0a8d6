"""A fix: one place, measured once, by one phone."""

from __future__ import annotations

import msgspec

from itrack.instant import Instant

__all__ = ["FIX_SCHEMA", "Fix"]

FIX_SCHEMA = 1
"""Version of the fix as it is written to MongoDB and Kafka. Readers set newer ones aside."""


class Fix(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One position report, decoded once at the edge, in SI units and UTC.

    Attributes:
        fix_id: `<server>:<Traccar position id>`; unique, and the same however often the fix arrives.
        device_id: `<server>:<Traccar device id>`.
        fixed_at: when the place was measured. What trajectories are ordered by.
        device_at: when the phone made the report. Differs from `fixed_at` when the phone had no new place.
        server_at: when Traccar received it.
        latitude_deg, longitude_deg: WGS 84.
        altitude_m: above the ellipsoid or sea level, as the phone gave it; None when unknown.
        speed_mps, course_deg: as the phone gave them.
        accuracy_m: radius the phone claims; None when unknown (Traccar writes 0).
        valid: Traccar's own flag; kept, not acted on.
        battery_pct: 0..100, None when unknown.
        is_moving: the phone's own opinion, None when it has none.
        activity: the phone's own activity label (`walking`, `in_vehicle`, …), None when it has none.
        attributes_json: everything else Traccar said, as the JSON text it sent. Hostile text.
        schema: version of this form.
        stored_at: when the bridge wrote it to MongoDB; None before.
    """

    fix_id: str
    device_id: str
    fixed_at: Instant
    device_at: Instant
    server_at: Instant
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    accuracy_m: float | None = None
    valid: bool = True
    battery_pct: float | None = None
    is_moving: bool | None = None
    activity: str | None = None
    attributes_json: str = "{}"
    schema: int = FIX_SCHEMA
    stored_at: Instant | None = None

    @property
    def is_repeated_place(self) -> bool:
        """True when the phone reported without a new place and Traccar repeated the last one."""
        return self.fixed_at != self.device_at
