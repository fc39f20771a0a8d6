"""A path through time: where somebody truly was, exactly, at every second. Metres on a plane, seconds from a start."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

import msgspec

__all__ = ["Knot", "Path", "degrees_of"]

_METRES_PER_DEGREE = 111_195.0


class Knot(msgspec.Struct, frozen=True):
    """At `at_s` somebody was `east_m`, `north_m` from the centre; between knots they went straight and evenly."""

    at_s: float
    east_m: float
    north_m: float


class Path:
    """Knots in order of time; two knots at one place are a wait.

    Args:
        knots: at least one.
    """

    def __init__(self, knots: Sequence[Knot]) -> None:
        self.knots = tuple(knots)
        self._times = [knot.at_s for knot in knots]

    def place_at(self, at_s: float) -> tuple[float, float]:
        """East and north in metres; before the first knot and after the last one, theirs."""
        before, after = self._around(at_s)
        if after.at_s <= before.at_s:
            return before.east_m, before.north_m
        share = min(max((at_s - before.at_s) / (after.at_s - before.at_s), 0.0), 1.0)
        return (
            before.east_m + share * (after.east_m - before.east_m),
            before.north_m + share * (after.north_m - before.north_m),
        )

    def velocity_at(self, at_s: float) -> tuple[float, float]:
        """East and north in metres per second; 0 while waiting."""
        before, after = self._around(at_s)
        seconds = after.at_s - before.at_s
        if seconds <= 0 or at_s < before.at_s:
            return 0.0, 0.0
        return (after.east_m - before.east_m) / seconds, (after.north_m - before.north_m) / seconds

    def _around(self, at_s: float) -> tuple[Knot, Knot]:
        place = bisect_right(self._times, at_s)
        return self.knots[max(place - 1, 0)], self.knots[min(place, len(self.knots) - 1)]


def degrees_of(centre: tuple[float, float], east_m: float, north_m: float) -> tuple[float, float]:
    """Latitude and longitude of a place near `centre` (latitude, longitude); good to centimetres within kilometres."""
    latitude, longitude = centre
    return (
        latitude + north_m / _METRES_PER_DEGREE,
        longitude + east_m / (_METRES_PER_DEGREE * math.cos(math.radians(latitude))),
    )
