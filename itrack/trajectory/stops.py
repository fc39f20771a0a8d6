"""Staypoints, found from points as they come and from silence.

The rule is the sliding one of Li et al. (2008) and Hariharan & Toyama (2004): the first point of a candidate is its
anchor; a point within the radius of the anchor belongs to it; a point outside ends it and is the next anchor. It is a
staypoint once it has lasted the dwell time. No silence ends a candidate: a phone that is still says nothing, so
the next point within the radius means that the person stayed, however late it comes.

Two things are added, both off in `Rules.plain`:

- A departure that was not seen is dated: the person left when walking from the place to the first point outside
  explains the rest, so a phone that wakes up 150 m from home does not lengthen the stay by the walk.
- After a long silence that ended elsewhere, the silence counts as staying only if walking there fills less than
  half of it. Otherwise nobody knows, and it is a gap.
"""

from __future__ import annotations

import math

import numpy as np

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import NO_MS
from itrack.trajectory.point import POINT, metres_between

__all__ = ["STOP", "begin", "centre_latitude_deg", "centre_longitude_deg", "due_ms", "is_inside", "leave", "stay_on"]

STOP = np.dtype(
    [
        ("anchor", POINT),
        ("last", POINT),
        ("count", "i4"),
        ("has_begun", "?"),
        ("is_told", "?"),
        ("told_ms", "i8"),
        ("north_sum_deg", "f8"),
        ("east_sum_deg", "f8"),
    ],
    align=True,
)
"""The one candidate of one phone: its first and its newest point, how many it has, the sums of their offsets from the
anchor (for the centre), whether it is known to be a staypoint, and by the point of which time."""

STAYED, LEFT_UNSEEN = 1, 2
"""Bits of what `leave` says: the candidate was a staypoint; the way from it to the point was not seen."""


@compiled
def begin(stop: Record, point: Record) -> None:
    """Make the point the anchor of a new candidate."""
    stop.anchor = point
    stop.last = point
    stop.count = 1
    stop.has_begun = True
    stop.is_told = False
    stop.north_sum_deg = 0.0
    stop.east_sum_deg = 0.0


@compiled
def is_inside(stop: Record, point: Record, rules: Record) -> bool:
    """Whether the point is within the radius of the candidate's anchor. A candidate must have begun."""
    vague_m = rules.accuracy_sigmas * math.hypot(stop.anchor.accuracy_m, point.accuracy_m)
    return metres_between(stop.anchor, point) < max(rules.stop_radius_m, vague_m)


@compiled
def stay_on(stop: Record, point: Record, rules: Record) -> bool:
    """Add a point inside; true when this makes the candidate a staypoint."""
    stop.last = point
    stop.count += 1
    stop.north_sum_deg += point.latitude_deg - stop.anchor.latitude_deg
    stop.east_sum_deg += _turn_deg(point.longitude_deg - stop.anchor.longitude_deg)
    if stop.is_told or stop.last.at_ms - stop.anchor.at_ms < rules.stop_dwell_s * 1000:
        return False
    stop.is_told = True
    return True


@compiled
def leave(stop: Record, point: Record, rules: Record) -> tuple[int, int]:
    """What a point outside says of the candidate: the bits above, and when the person was last there (ms).

    The candidate stays as it is until `begin`.
    """
    away_m = metres_between(stop.last, point)
    walk_ms = away_m / rules.walking_mps * 1000
    silence_ms = point.at_ms - stop.last.at_ms
    is_unseen = silence_ms >= rules.silence_s * 1000
    has_stayed = not is_unseen or silence_ms >= 2 * walk_ms
    left_ms = max(stop.last.at_ms, point.at_ms - math.ceil(walk_ms)) if has_stayed else stop.last.at_ms
    is_stop = left_ms - stop.anchor.at_ms >= rules.stop_dwell_s * 1000
    if not is_stop:
        left_ms = stop.last.at_ms
    woke_m = rules.wake_distance_m if is_stop and has_stayed else 0.0
    is_gap = is_unseen and away_m > woke_m
    return (STAYED if is_stop else 0) | (LEFT_UNSEEN if is_gap else 0), left_ms


@compiled
def due_ms(stop: Record, rules: Record) -> int:
    """Server time at which silence alone makes the candidate a staypoint; `NO_MS` when nothing is awaited.

    The phone's own time goes on as the server's does, from the moment the newest point was received: replayed
    and late fixes make no silence of years.
    """
    if not stop.has_begun or stop.is_told:
        return NO_MS
    lasted_ms = stop.last.at_ms - stop.anchor.at_ms
    return stop.last.server_ms + math.ceil(rules.stop_dwell_s * 1000) - lasted_ms


@compiled
def centre_latitude_deg(stop: Record) -> float:
    """Mean latitude of the candidate's points."""
    return stop.anchor.latitude_deg + stop.north_sum_deg / stop.count


@compiled
def centre_longitude_deg(stop: Record) -> float:
    """Mean longitude of the candidate's points, across the date line too."""
    return _turn_deg(stop.anchor.longitude_deg + stop.east_sum_deg / stop.count)


@compiled
def _turn_deg(longitude_deg: float) -> float:
    """The same longitude, or difference of longitudes, between -180 and 180."""
    return (longitude_deg + 180.0) % 360.0 - 180.0 if abs(longitude_deg) > 180.0 else longitude_deg
