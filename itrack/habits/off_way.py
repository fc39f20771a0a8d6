"""Off the usual way: a trip between two known places through cells that earlier trips between them do not touch."""

from __future__ import annotations

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.past import Past
from itrack.mobility import Severity, Trip

__all__ = ["off_usual_way"]

_LEAST_TRIPS = 25
"""With fewer, another way that is taken now and then may not have been seen yet."""
_LEAST_CELLS = 2
_LEAST_SHARE = 0.25
_LEAST_SHARE_OF_ONE = 0.4


def off_usual_way(trip: Trip, past: Past) -> Odd | None:
    """What is odd about where a trip led: a quarter of it through cells new to this way, or two fifths through one."""
    ends = past.ends_of(trip)
    way = past.life.ways.get(trip.trip_id)
    if ends is None or way is None or len(earlier := past.ways.get(ends, [])) < _LEAST_TRIPS:
        return None
    new = set(way.cells).difference(*earlier)
    seen_there = sum(seen for cell, seen in zip(way.cells, way.passages, strict=True) if cell in new)
    share = seen_there / sum(way.passages)
    least = _LEAST_SHARE if len(new) >= _LEAST_CELLS else _LEAST_SHARE_OF_ONE
    if share < least * past.rules.scale:
        return None
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
