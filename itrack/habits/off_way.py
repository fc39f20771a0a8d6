"""Off the usual way: a trip between two known places through cells that earlier trips between them do not touch."""

from __future__ import annotations

import h3

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.past import Past
from itrack.mobility import Severity, Trip

__all__ = ["off_usual_way"]

_LEAST_TRIPS = 10
_NEXT_TO_IT = 0.5
"""A cell that touches a usual one counts half: a place may be wrong by a street."""
_LEAST_CELLS = 2.0
_MOST_CELLS = 8.0
_LEAST_SHARE = 0.25


def off_usual_way(trip: Trip, past: Past) -> Odd | None:
    """What is odd about a trip's cells: enough of them, and a quarter or many of them, are none of the usual ones."""
    ends = past.ends_of(trip)
    way = past.life.ways.get(trip.trip_id)
    if ends is None or way is None or len(earlier := past.ways.get(ends, [])) < _LEAST_TRIPS:
        return None
    cells = set(way.cells)
    known = frozenset().union(*earlier)
    off = sum(_NEXT_TO_IT if known.intersection(h3.grid_disk(cell, 1)) else 1.0 for cell in cells - known)
    scale = past.rules.scale
    if off < _LEAST_CELLS * scale or (off < _LEAST_SHARE * scale * len(cells) and off < _MOST_CELLS * scale):
        return None
    share = len(cells - known) / len(cells)
    return Odd(
        kind=HabitKind.OFF_USUAL_WAY,
        happened_at=trip.started_at,
        severity=Severity.MEDIUM if share >= 0.6 else Severity.LOW,
        sentence=(
            f"Went between two known places by another way than on {len(earlier)} trips before: "
            f"{share:.0%} of it was new."
        ),
        judged_at=trip.judged_at,
    )
