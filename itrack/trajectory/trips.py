"""Trips: movement between staypoints, with the distance along accepted points only."""

from __future__ import annotations

import numpy as np

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import Found, Out, tell

__all__ = ["TRIP", "begin", "end", "tell_trip", "withdraw"]

TRIP = np.dtype(
    [
        ("at_ms", "i8"),
        ("from_ms", "i8"),
        ("end_ms", "i8"),
        ("to_ms", "i8"),
        ("told_ms", "i8"),
        ("metres", "f8"),
        ("count", "i4"),
        ("has_begun", "?"),
        ("is_told", "?"),
    ],
    align=True,
)
"""The way since the last staypoint, gap or the beginning: since when, and the start of the staypoint it comes from.

Once `is_told` it was said to have ended at `end_ms`, at the staypoint that started at `to_ms` (`NO_MS`: none), when the
point of time `told_ms` was judged. It is kept: the staypoint may have been none.
"""

_TRIP = int(Found.TRIP)


@compiled
def begin(trip: Record, at_ms: int, from_ms: int) -> None:
    """A new way begins: at the first point, on leaving a staypoint, after a gap."""
    trip.at_ms, trip.from_ms = at_ms, from_ms
    trip.has_begun, trip.is_told = True, False


@compiled
def end(
    trip: Record,
    end_ms: int,
    to_ms: int,
    metres: float,
    count: int,
    at_ms: int,
    server_ms: int,
    rules: Record,
    out: Out,
) -> None:
    """The trip has ended; told if it was one and not only a step aside.

    Args:
        trip: a `TRIP`.
        end_ms: when.
        to_ms: start of the staypoint at its end; `NO_MS`: none.
        metres: its length.
        count: its fixes.
        at_ms: event time of the point that made it known.
        server_ms: server time of that point, or of the silence.
        rules: a `RULES`.
        out: where findings go.
    """
    if end_ms <= trip.at_ms or metres < rules.trip_min_distance_m:
        return
    trip.end_ms, trip.to_ms, trip.metres, trip.count, trip.told_ms = end_ms, to_ms, metres, count, at_ms
    trip.is_told = True
    tell_trip(trip, at_ms, server_ms, out)


@compiled
def withdraw(trip: Record, at_ms: int, server_ms: int, out: Out) -> None:
    """If it was told to have ended, it has not."""
    if trip.is_told:
        tell(out, _TRIP, trip.at_ms, at_ms, server_ms).is_gone = True
        trip.is_told = False


@compiled
def tell_trip(trip: Record, at_ms: int, server_ms: int, out: Out) -> None:
    """Tell a trip that has ended."""
    row = tell(out, _TRIP, trip.at_ms, at_ms, server_ms)
    row.end_ms = trip.end_ms
    row.from_ms = trip.from_ms
    row.to_ms = trip.to_ms
    row.metres = trip.metres
    row.fixes = trip.count
