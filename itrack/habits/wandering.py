"""Wandering: much way and little progress, to and fro within a few hundred metres."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.past import Past
from itrack.habits.robust import usual
from itrack.mobility import Severity, Trip

__all__ = ["wandering"]

_LEAST_M = 850.0
"""Straight across a cell of resolution 9 are 400 m."""
_LEAST_PASSAGES = 8
_LEAST_TRIPS = 15
_LEAST_SPREAD = 0.15
_LEAST_RATIO = 1.8


def wandering(trip: Trip, past: Past) -> Odd | None:
    """What is odd about how far a trip went within one cell: the robust z of it among the person's trips.

    Who walks on leaves a cell after some hundred metres, however long the way is; who walks to and fro does not. Rounds
    that the person usually makes are among what it is compared with.
    """
    here_m = _most_m(trip, past)
    if here_m is None or here_m < _LEAST_M:
        return None
    earlier = [math.log(metres) for other in past.trips if (metres := _most_m(other, past)) is not None]
    if len(earlier) < _LEAST_TRIPS:
        return None
    habit = usual(np.array(earlier[-past.rules.window :]), _LEAST_SPREAD)
    ratio = here_m / math.exp(habit.median)
    if habit.z(math.log(here_m)) < past.rules.z_limit or ratio < _LEAST_RATIO:
        return None
    return Odd(
        kind=HabitKind.WANDERING,
        happened_at=trip.started_at,
        severity=Severity.MEDIUM,
        sentence=(
            f"Went {trip.distance_m / 1000:.1f} km to and fro, {here_m / 1000:.1f} km of it within one cell of the "
            f"map; {ratio:.1f} times as far as on their usual ways."
        ),
        judged_at=trip.judged_at,
    )


def _most_m(trip: Trip, past: Past) -> float | None:
    """How far the trip went within the one cell that it was seen in most; None when it was hardly seen there."""
    way = past.life.ways.get(trip.trip_id)
    if way is None:
        return None
    seen: Counter[str] = Counter()
    for cell, passages in zip(way.cells, way.passages, strict=True):
        seen[cell] += passages
    most = max(seen.values(), default=0)
    return trip.distance_m * most / seen.total() if most >= _LEAST_PASSAGES else None
