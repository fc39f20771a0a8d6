"""Trips: movement between staypoints, with the distance along accepted points only."""

from __future__ import annotations

import numpy as np

from itrack.trajectory.compiled import Record, compiled

__all__ = ["TRIP", "begin", "move_inside", "move_on"]

TRIP = np.dtype(
    [
        ("at_ms", "i8"),
        ("from_ms", "i8"),
        ("metres", "f8"),
        ("candidate_metres", "f8"),
        ("count", "i4"),
        ("candidate_count", "i4"),
        ("has_begun", "?"),
        ("is_told", "?"),
        ("told_ms", "i8"),
    ],
    align=True,
)
"""The way since the last staypoint, gap or the beginning: since when, and the start of the staypoint it comes from.

The way inside the present candidate for a staypoint is kept apart: if the person has stopped there, it was
jitter and not a part of the trip; if they walk on, it was. `is_told`: it was said to have ended at the candidate,
when the point of time `told_ms` was judged.
"""


@compiled
def begin(trip: Record, at_ms: int, from_ms: int, metres: float) -> None:
    """A new way begins: at the first point, on leaving a staypoint, after a gap."""
    trip.at_ms = at_ms
    trip.from_ms = from_ms
    trip.metres = metres
    trip.candidate_metres = 0.0
    trip.count = 1
    trip.candidate_count = 0
    trip.has_begun = True
    trip.is_told = False


@compiled
def move_inside(trip: Record, metres: float) -> None:
    """A leg inside the present candidate for a staypoint."""
    trip.candidate_metres += metres
    trip.candidate_count += 1


@compiled
def move_on(trip: Record, metres: float) -> None:
    """A leg out of a candidate that was no staypoint."""
    trip.metres += trip.candidate_metres + metres
    trip.count += trip.candidate_count + 1
    trip.candidate_metres = 0.0
    trip.candidate_count = 0
