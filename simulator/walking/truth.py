"""What really happened, to hold results against."""

from __future__ import annotations

import msgspec

from itrack.instant import Instant

__all__ = ["TrueGap", "TrueStop", "TrueTrip", "Truth"]


class TrueStop(msgspec.Struct, frozen=True, kw_only=True):
    """A person stayed at one place."""

    began_at: Instant
    ended_at: Instant
    latitude_deg: float
    longitude_deg: float
    is_indoors: bool


class TrueTrip(msgspec.Struct, frozen=True, kw_only=True):
    """A person walked from one stop to the next; `distance_m` is along the way."""

    began_at: Instant
    ended_at: Instant
    distance_m: float


class TrueGap(msgspec.Struct, frozen=True, kw_only=True):
    """A person walked on while the app was not running: no fix of this time will ever come."""

    began_at: Instant
    ended_at: Instant


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """All of one person's, in order, by the true clock.

    Attributes:
        clock_error_s: what the phone's clock is ahead; its fixes say so much more than the truth.
    """

    stops: tuple[TrueStop, ...]
    trips: tuple[TrueTrip, ...]
    gaps: tuple[TrueGap, ...]
    clock_error_s: float
