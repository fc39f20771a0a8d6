"""Unusual speed: far from what this person does in this mode, on ways of like length."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

import numpy as np

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.life import Leg
from itrack.habits.past import Past
from itrack.habits.robust import usual
from itrack.mobility import Mode, Severity

__all__ = ["unusual_speed"]

_LEAST_S = 60.0
_LEAST_M = 200.0
_ALIKE = 1.6
"""Ways are alike up to this ratio of their lengths."""
_LEAST_LEGS = 12
_LEAST_SPREAD, _LEAST_SPREAD_OF_RIDES = 0.08, 0.15
"""Of the logarithm: 8 % faster or slower is nothing, in traffic 15 %."""
_LEAST_RATIO, _LEAST_RATIO_OF_RIDES = 1.4, 1.7
_LEAST_JAM_RATIO = 2.5
"""Traffic makes rides slower than usual by so much without being unusual."""
_SURE = 1.2

_DOING = {
    Mode.WALK: "Walked",
    Mode.RUN: "Ran",
    Mode.BICYCLE: "Cycled",
    Mode.MOTORISED: "Rode",
    Mode.UNKNOWN: "Moved",
}


def unusual_speed(leg: Leg, past: Past, judged_at: datetime) -> Odd | None:
    """What is odd about the mean speed of a leg: the robust z of its logarithm among the newest legs alike.

    Alike are those of the same mode and of like length; for an unknown mode also those between the same places.

    Between the limit and 1.2 times it, the isolation forest has to find the leg rare, too.
    """
    shape = leg.shape
    if not _is_long_enough(leg):
        return None
    ends = past.ends_of(leg.trip) if leg.mode is Mode.UNKNOWN else None
    alike = _speeds(
        other
        for other in past.legs
        if (other.mode == leg.mode or (ends is not None and past.ends.get(other.trip.trip_id) == ends))
        and _is_long_enough(other)
        and _ratio(other.shape.metres, shape.metres) <= _ALIKE
    )
    if len(alike) < _LEAST_LEGS:
        return None
    rides = leg.mode in {Mode.MOTORISED, Mode.UNKNOWN}
    least_spread = _LEAST_SPREAD_OF_RIDES if rides else _LEAST_SPREAD
    habit = usual(np.array(alike[-past.rules.window :]), least_spread)
    speed = math.log(shape.metres / shape.seconds)
    z, limit = abs(habit.z(speed)), past.rules.z_limit
    ratio = math.exp(abs(speed - habit.median))
    is_jam = leg.mode is Mode.MOTORISED and speed < habit.median
    least_ratio = _LEAST_JAM_RATIO if is_jam else _LEAST_RATIO_OF_RIDES if rides else _LEAST_RATIO
    if z < limit or ratio < least_ratio or (z < _SURE * limit and not past.rarity.is_rare(shape)):
        return None
    return Odd(
        kind=HabitKind.UNUSUAL_SPEED,
        happened_at=leg.trip.started_at,
        severity=Severity.MEDIUM if ratio >= 3 else Severity.LOW,
        sentence=(
            f"{_DOING[leg.mode]} at {3.6 * math.exp(speed):.1f} km/h over {shape.metres / 1000:.1f} km; "
            f"{3.6 * math.exp(habit.median):.1f} km/h is usual on ways of such length."
        ),
        judged_at=judged_at,
    )


def _is_long_enough(leg: Leg) -> bool:
    return leg.shape.seconds >= _LEAST_S and leg.shape.metres >= _LEAST_M


def _speeds(legs: Iterable[Leg]) -> list[float]:
    """Logarithms of metres a second."""
    return [math.log(leg.shape.metres / leg.shape.seconds) for leg in legs]


def _ratio(one: float, other: float) -> float:
    return max(one, other) / min(one, other)
