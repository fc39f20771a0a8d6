"""What is wrong with one fix, seen alone. Nothing is deleted: a fix is set aside with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import numpy.typing as npt

from itrack.fix import Fix
from itrack.trajectory.compiled import compiled
from itrack.trajectory.point import milliseconds_of
from itrack.trajectory.rules import Rules

__all__ = ["EARLIEST_AT", "Flag", "flag_alone", "flag_points"]

EARLIEST_AT = datetime(2000, 1, 1, tzinfo=UTC)
"""No phone measured its place by satellite before. Clocks that lost their date say 1901, 1964, 1970 or 1980."""

_EARLIEST_MS = milliseconds_of(EARLIEST_AT)
_NULL_ISLAND_DEG = 0.001
"""Within some hundred metres of 0, 0 there is only a buoy; software puts unknown places there."""


class Flag(IntEnum):
    """Why a fix was set aside. As text, counted and stored, it is its name in small letters."""

    NONE = 0
    WRONG_CLOCK = 1
    OUT_OF_RANGE = 2
    NULL_ISLAND = 3
    POOR_ACCURACY = 4
    DUPLICATE = 5
    REPEATED_PLACE = 6
    SAME_INSTANT = 7
    IMPOSSIBLE_JUMP = 8

    def __str__(self) -> str:
        return self.name.lower()


_WRONG_CLOCK = int(Flag.WRONG_CLOCK)
_OUT_OF_RANGE = int(Flag.OUT_OF_RANGE)
_NULL_ISLAND = int(Flag.NULL_ISLAND)
_POOR_ACCURACY = int(Flag.POOR_ACCURACY)


def flag_alone(fix: Fix, rules: Rules) -> Flag:
    """What is wrong with the fix whatever came before it; `Flag.NONE` when nothing is.

    The place is looked at first: a place that cannot be is wrong whatever the clock says.
    """
    flag = _wrong_place(fix.latitude_deg, fix.longitude_deg, fix.accuracy_m or 0.0, rules.accuracy_max_m)
    if not flag and _is_clock_wrong(milliseconds_of(fix.fixed_at), milliseconds_of(fix.server_at), rules.ahead_max_s):
        flag = _WRONG_CLOCK
    return Flag(flag)


@compiled
def flag_points(points: npt.NDArray[Any], rules: npt.NDArray[Any], numbers: npt.NDArray[Any]) -> None:
    """Judge each point alone, as `flag_alone` does: sets `flag`, and takes the server's time for a wrong one.

    Point i goes by `rules[numbers[i]]`.
    """
    for index in range(len(points)):
        point = points[index]
        own = rules[numbers[index]]
        flag = _wrong_place(point.latitude_deg, point.longitude_deg, point.accuracy_m, own.accuracy_max_m)
        point.at_ms = min(point.fixed_ms, point.server_ms)
        if _is_clock_wrong(point.fixed_ms, point.server_ms, own.ahead_max_s):
            point.at_ms = point.server_ms
            if flag == 0:
                flag = _WRONG_CLOCK
        point.flag = flag


@compiled
def _is_clock_wrong(fixed_ms: int, server_ms: int, ahead_max_s: float) -> bool:
    return fixed_ms < _EARLIEST_MS or fixed_ms - server_ms > ahead_max_s * 1000


@compiled
def _wrong_place(latitude_deg: float, longitude_deg: float, accuracy_m: float, accuracy_max_m: float) -> int:
    """The flag of a place that cannot be or is too vague, 0 for every other. NaN is on no place of the Earth."""
    if not (abs(latitude_deg) <= 90.0 and abs(longitude_deg) <= 180.0):
        return _OUT_OF_RANGE
    if abs(latitude_deg) < _NULL_ISLAND_DEG and abs(longitude_deg) < _NULL_ISLAND_DEG:
        return _NULL_ISLAND
    if not 0.0 <= accuracy_m <= accuracy_max_m:
        return _POOR_ACCURACY
    return 0
