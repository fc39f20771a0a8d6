"""Stopped too long where the person usually only passes by."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.past import Past
from itrack.habits.robust import usual
from itrack.habits.unusual_place import is_on_known_ground
from itrack.mobility import Severity, Staypoint

__all__ = ["stop_limit", "stopped_long"]

_LEAST_PAUSES = 8
_LEAST_SPREAD = 0.3
_MOST_S = 5400.0


def stop_limit(stay: Staypoint, past: Past) -> timedelta | None:
    """After how long the stay is too long; None when it is not at such a spot.

    The spot is on one of the person's ways and at no place where they have stayed. Pauses at spots that are no places
    tell how long is usual.
    """
    away_m = past.been_m(stay)
    if away_m <= past.rules.place_radius_m or not is_on_known_ground(stay, past):
        return None
    least_s = past.rules.stop_least_s
    pauses = [
        math.log(max(1.0, (pause.ended_at - pause.started_at).total_seconds()))
        for pause in past.pauses[-past.rules.window :]
        if pause.ended_at is not None
    ]
    if len(pauses) < _LEAST_PAUSES:
        return timedelta(seconds=least_s)
    habit = usual(np.array(pauses), _LEAST_SPREAD)
    usual_s = math.exp(min(habit.median + past.rules.z_limit * habit.spread, math.log(_MOST_S)))
    return timedelta(seconds=max(least_s, usual_s))


def stopped_long(stay: Staypoint, limit: timedelta, *, is_twice: bool) -> Odd:
    """What is odd about a stay that has lasted its limit, or twice as long."""
    minutes = limit.total_seconds() / 60
    return Odd(
        kind=HabitKind.STOPPED_LONG,
        happened_at=stay.started_at,
        severity=Severity.HIGH if is_twice else Severity.MEDIUM,
        sentence=(
            f"Has stopped for more than {minutes * (1 + is_twice):.0f} minutes where they usually only pass by; "
            f"up to {minutes:.0f} would be ordinary."
        ),
        judged_at=stay.judged_at,
    )
