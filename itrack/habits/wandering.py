"""Wandering: much way and little progress, to and fro within a few cells."""

from __future__ import annotations

import math

import numpy as np

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.life import Leg
from itrack.habits.past import Past
from itrack.habits.robust import usual
from itrack.mobility import Mode, Severity, Trip

__all__ = ["wandering"]

_ON_FOOT = {Mode.WALK, Mode.RUN, Mode.UNKNOWN}
_FAST_MPS = 3.5
"""On foot nobody is faster over a whole trip."""
_LEAST_M = 800.0
_ALIKE_M = 300.0
_LEAST_TRIPS = 12
_LEAST_SPREAD = 0.15
_LEAST_RATIO = 1.8


def wandering(trip: Trip, legs: list[Leg], past: Past) -> Odd | None:
    """What is odd about how far a trip on foot went in how few cells: the robust z of the metres for each cell.

    A walk straight on is about 250 m long in each cell of resolution 9; one to and fro is longer in each. Compared with
    the person's own walks, those that are rounds included.
    """
    cells = _cells(trip, past)
    if trip.distance_m < _LEAST_M or not cells or not _is_on_foot(trip, legs):
        return None
    earlier = []
    for number, other in enumerate(past.trips):
        count = _cells(other, past)
        if count and other.distance_m >= _ALIKE_M and _is_on_foot(other, past.legs_of(number)):
            earlier.append(math.log(other.distance_m / count))
    if len(earlier) < _LEAST_TRIPS:
        return None
    habit = usual(np.array(earlier[-past.rules.window :]), _LEAST_SPREAD)
    dense = math.log(trip.distance_m / cells)
    if habit.z(dense) < past.rules.z_limit or math.exp(dense - habit.median) < _LEAST_RATIO:
        return None
    return Odd(
        kind=HabitKind.WANDERING,
        happened_at=trip.started_at,
        severity=Severity.MEDIUM,
        sentence=(
            f"Walked {trip.distance_m / 1000:.1f} km to and fro, "
            f"{math.exp(dense - habit.median):.1f} times as far in as small an area as on their usual walks."
        ),
        judged_at=trip.judged_at,
    )


def _cells(trip: Trip, past: Past) -> int:
    way = past.life.ways.get(trip.trip_id)
    return len(set(way.cells)) if way else 0


def _is_on_foot(trip: Trip, legs: list[Leg]) -> bool:
    """Whether most of it was, as far as is known."""
    seconds = (trip.ended_at - trip.started_at).total_seconds()
    on_foot_m = sum(leg.shape.metres for leg in legs if leg.mode in _ON_FOOT)
    return 2 * on_foot_m >= trip.distance_m and trip.distance_m < _FAST_MPS * seconds
