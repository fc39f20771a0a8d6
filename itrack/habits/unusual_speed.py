"""Unusual speed: far from what this person does in this mode, on ways of like length."""

from __future__ import annotations

import math
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
_HALF_SURE = 0.8

_DOING = {
    Mode.WALK: "Walked",
    Mode.RUN: "Ran",
    Mode.BICYCLE: "Cycled",
    Mode.MOTORISED: "Rode",
    Mode.UNKNOWN: "Moved",
}


def unusual_speed(leg: Leg, past: Past, judged_at: datetime) -> Odd | None:
    """What is odd about the mean speed of a leg: the robust z of its logarithm among the newest legs alike.

    Alike are those of like length and the same mode between the same two places, where there are enough; else those of
    the same mode. An unknown mode is alike to every mode between the same places.

    From eight tenths of the limit on, a leg that the isolation forest finds rare is unusual, too.
    """
    shape = leg.shape
    if not _is_long_enough(leg) or (alike := _speeds_alike(leg, past)) is None:
        return None
    rides = leg.mode in {Mode.MOTORISED, Mode.UNKNOWN}
    least_spread = _LEAST_SPREAD_OF_RIDES if rides else _LEAST_SPREAD
    habit = usual(np.array(alike[-past.rules.window :]), least_spread)
    speed = math.log(shape.metres / shape.seconds)
    z, limit = abs(habit.z(speed)), past.rules.z_limit
    ratio = math.exp(abs(speed - habit.median))
    is_jam = leg.mode is Mode.MOTORISED and speed < habit.median
    least_ratio = _LEAST_JAM_RATIO if is_jam else _LEAST_RATIO_OF_RIDES if rides else _LEAST_RATIO
    if ratio < least_ratio or z < _HALF_SURE * limit or (z < limit and not past.rarity.is_rare(shape)):
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


def _speeds_alike(leg: Leg, past: Past) -> list[float] | None:
    """Logarithms of the metres a second of the legs alike; None when they are too few."""
    ends = past.ends_of(leg.trip)
    of_mode, between = [], []
    for other in past.legs:
        if _is_long_enough(other) and _ratio(other.shape.metres, leg.shape.metres) <= _ALIKE:
            is_mode = other.mode == leg.mode
            is_between = ends is not None and past.ends.get(other.trip.trip_id) == ends
            speed = math.log(other.shape.metres / other.shape.seconds)
            if is_mode:
                of_mode.append(speed)
            if is_between and (is_mode or leg.mode is Mode.UNKNOWN):
                between.append(speed)
    alike = between if len(between) >= _LEAST_LEGS else of_mode
    return alike if len(alike) >= _LEAST_LEGS else None


def _is_long_enough(leg: Leg) -> bool:
    return leg.shape.seconds >= _LEAST_S and leg.shape.metres >= _LEAST_M


def _ratio(one: float, other: float) -> float:
    return max(one, other) / min(one, other)
