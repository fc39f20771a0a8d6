"""Trips: movement between staypoints. A way's length comes from `path`, which is given the way's places.

A stay is known some places after it began, so the trail's places wait: the one that leaves the trail is certain to be
the way's (`go_on`), and those still in it are asked about when the way ends (`end`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from itrack.trajectory import path
from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import NO_MS, Found, Out, tell
from itrack.trajectory.path import PATH
from itrack.trajectory.places import middle_ms, place_at, whereabouts_of

__all__ = ["TRIP", "begin", "begin_at", "end", "end_at", "go_on", "tell_trip", "withdraw"]

TRIP = np.dtype(
    [
        ("at_ms", "i8"),
        ("from_ms", "i8"),
        ("end_ms", "i8"),
        ("to_ms", "i8"),
        ("told_ms", "i8"),
        ("metres", "f8"),
        ("told_metres", "f8"),
        ("path", PATH),
        ("count", "i4"),
        ("told_count", "i4"),
        ("has_begun", "?"),
        ("is_told", "?"),
    ],
    align=True,
)
"""The way since the last staypoint, gap or the beginning: since when, and the start of the staypoint it comes from.

`path` measures it, `metres` are what it had before an impossible movement, `count` its fixes: all without the places
that are in the trail. Once `is_told`, it was said to have ended at `end_ms` after `told_metres` and `told_count` fixes,
at the staypoint that started at `to_ms` (`NO_MS`: none), when the point of time `told_ms` was judged. All of it is
kept: the staypoint may have been none.
"""


class _Spot(NamedTuple):
    """What `path` asks of a fix."""

    at_ms: int
    latitude_deg: float
    longitude_deg: float
    accuracy_m: float
    fix_no: int


_TRIP = int(Found.TRIP)


@compiled
def begin(trip: Record, at_ms: int) -> None:
    """A new way begins: with the first point, or after a gap."""
    trip.at_ms, trip.from_ms = at_ms, NO_MS
    trip.metres, trip.count = 0.0, 0
    trip.has_begun, trip.is_told = True, False
    path.begin(trip.path)


@compiled
def begin_at(trip: Record, stay: Record) -> None:
    """A new way begins where and when a STAY was left."""
    begin(trip, stay.ended_ms)
    trip.from_ms = stay.started_ms
    path.add(trip.path, _Spot(stay.ended_ms, stay.latitude_deg, stay.longitude_deg, 0.0, -1))


@compiled
def go_on(trip: Record, trail: Record, index: int) -> None:
    """A place of the trail is certain to be the way's, if it is not older."""
    place = place_at(trail, index)
    if place.at_ms < trip.at_ms:
        return
    if place.is_broken:
        trip.metres = _metres(trip)
        path.begin(trip.path)
    latitude_deg, longitude_deg = whereabouts_of(trail, place.east_m, place.north_m)
    path.add(trip.path, _Spot(middle_ms(place), latitude_deg, longitude_deg, place.accuracy_m, -1))
    trip.count += place.fix_count


@compiled
def end_at(trip: Record, trail: Record, stay: Record, at_ms: int, server_ms: int, rules: Record, out: Out) -> None:
    """The way has ended where and when a STAY began; told if it was a trip and not only a step aside.

    Args:
        trip: a `TRIP`.
        trail: a `TRAIL`.
        stay: a `STAY`.
        at_ms: event time of the point that made it known.
        server_ms: server time of that point, or of the silence.
        rules: a `RULES`.
        out: where findings go.
    """
    trials = np.empty(1, TRIP)
    trials[0] = trip
    trial = trials[0]
    _add_all(trial, trail, stay.started_ms)
    path.add(trial.path, _Spot(stay.started_ms, stay.latitude_deg, stay.longitude_deg, 0.0, -1))
    _tell_end(trip, trial, stay.started_ms, stay.started_ms, at_ms, server_ms, rules, out)


@compiled
def end(trip: Record, trail: Record, end_ms: int, at_ms: int, server_ms: int, rules: Record, out: Out) -> None:
    """The way was lost at `end_ms`: a gap begins. The rest as `end_at`."""
    trials = np.empty(1, TRIP)
    trials[0] = trip
    trial = trials[0]
    _add_all(trial, trail, end_ms + 1)
    _tell_end(trip, trial, end_ms, NO_MS, at_ms, server_ms, rules, out)


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
    row.metres = trip.told_metres
    row.fixes = trip.told_count


@compiled
def _add_all(trial: Record, trail: Record, end_ms: int) -> None:
    for index in range(trail.size):
        if place_at(trail, index).at_ms < end_ms:
            go_on(trial, trail, index)


@compiled
def _metres(trip: Record) -> float:
    """The way's length until now; its `path` is finished."""
    path.finish(trip.path)
    return float(trip.metres + path.length_m(trip.path))


@compiled
def _tell_end(
    trip: Record,
    trial: Record,
    end_ms: int,
    to_ms: int,
    at_ms: int,
    server_ms: int,
    rules: Record,
    out: Out,
) -> None:
    """Tell the end of a trip, which is a trial with all its places."""
    metres = _metres(trial)
    if end_ms <= trip.at_ms or metres < rules.trip_min_distance_m:
        return
    trip.end_ms, trip.to_ms, trip.told_ms = end_ms, to_ms, at_ms
    trip.told_metres, trip.told_count = metres, trial.count
    trip.is_told = True
    tell_trip(trip, at_ms, server_ms, out)
