"""An accepted fix, reduced to what the mobility logic needs."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import msgspec

from itrack.fix import Fix

__all__ = ["Point", "distance_m", "instant_of", "milliseconds_of", "point_of"]

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A place at a moment.

    Attributes:
        at_ms: event time, milliseconds since 1970 UTC: when the place was measured, never after the server had it.
        server_ms: when the server had it.
        latitude_deg, longitude_deg: WGS 84.
        accuracy_m: claimed error; 0 when unknown.
        fix_id: which fix it is.
    """

    at_ms: int
    server_ms: int
    latitude_deg: float
    longitude_deg: float
    accuracy_m: float
    fix_id: str


def point_of(fix: Fix) -> Point:
    """The point of a fix. Its time is clamped to the server's: nothing is measured after it was received."""
    server_ms = milliseconds_of(fix.server_at)
    return Point(
        min(milliseconds_of(fix.fixed_at), server_ms),
        server_ms,
        fix.latitude_deg,
        fix.longitude_deg,
        fix.accuracy_m or 0.0,
        fix.fix_id,
    )


def milliseconds_of(at: datetime) -> int:
    """Whole milliseconds since 1970 UTC, rounded down."""
    return int(at.timestamp() * 1000 // 1)


def instant_of(at_ms: int) -> datetime:
    """The moment so many milliseconds after 1970 UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def distance_m(from_latitude_deg: float, from_longitude_deg: float, latitude_deg: float, longitude_deg: float) -> float:
    """Great-circle distance (haversine) between two places."""
    half_up = math.radians(latitude_deg - from_latitude_deg) / 2
    half_across = math.radians(longitude_deg - from_longitude_deg) / 2
    chord = (
        math.sin(half_up) ** 2
        + math.cos(math.radians(from_latitude_deg)) * math.cos(math.radians(latitude_deg)) * math.sin(half_across) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))
