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

_LEAST_S = 180.0
_LEAST_M = 200.0
_ALIKE = 2.0
"""Ways are alike up to this ratio of their lengths."""
_LEAST_LEGS = 12
_LEAST_SPREAD = 0.08
"""Of the logarithm: 8 % faster or slower is nothing."""
_LEAST_RATIO = 1.4
_SURE = 1.5

_DOING = {
    Mode.WALK: "Walked",
    Mode.RUN: "Ran",
    Mode.BICYCLE: "Cycled",
    Mode.MOTORISED: "Rode",
    Mode.UNKNOWN: "Moved",
}


def unusual_speed(leg: Leg, past: Past, judged_at: datetime) -> Odd | None:
    """What is odd about the mean speed of a leg: the robust z of its logarithm among the newest legs alike.

    Between the limit and one and a half times it, the isolation forest has to find the leg rare, too.
    """
    shape = leg.shape
    if shape.seconds < _LEAST_S or shape.metres < _LEAST_M:
        return None
    alike = [
        math.log(other.shape.metres / other.shape.seconds)
        for other in past.legs
        if other.mode == leg.mode
        and shape.metres / _ALIKE <= other.shape.metres <= shape.metres * _ALIKE
        and other.shape.seconds >= _LEAST_S
        and other.shape.metres >= _LEAST_M
    ][-past.rules.window :]
    if len(alike) < _LEAST_LEGS:
        return None
    habit = usual(np.array(alike), _LEAST_SPREAD)
    speed = math.log(shape.metres / shape.seconds)
    z, limit = abs(habit.z(speed)), past.rules.z_limit
    ratio = math.exp(abs(speed - habit.median))
    if z < limit or ratio < _LEAST_RATIO or (z < _SURE * limit and not past.rarity.is_rare(shape)):
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
