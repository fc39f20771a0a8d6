"""What is wrong with a point beside those before it. Points come in order of time; one that jumps is held back.

A point too far from the last one for its time waits for the next: either the phone was back at once, and the jump is
set aside, or it went on from there, and the way to it is broken.
"""

from __future__ import annotations

import numpy as np

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.point import POINT, metres_between
from itrack.trajectory.quality import Flag

__all__ = ["SEQUENCE", "admit", "flag_repeated"]

SEQUENCE = np.dtype(
    [("last", POINT), ("suspect", POINT), ("jump", POINT), ("has_last", "?"), ("has_suspect", "?")], align=True
)
"""The newest point that counts, one that waits for the next, and the jump that `admit` spoke of last."""

_DUPLICATE = int(Flag.DUPLICATE)
_REPEATED_PLACE = int(Flag.REPEATED_PLACE)
_SAME_INSTANT = int(Flag.SAME_INSTANT)

WAITS, ONE, BACK, BOTH, FLIES = 0, 1, 2, 3, 4
"""What `admit` says: the point waits; it counts; it counts and the one that waited was a jump; both count, and the way
to the first is broken; the one that waited counts and this one waits, as in an aeroplane."""


@compiled
def flag_repeated(sequence: Record, point: Record) -> int:
    """The flag of a point that is not after the newest one, 0 when it is."""
    if sequence.has_suspect:
        newest = sequence.suspect
    elif sequence.has_last:
        newest = sequence.last
    else:
        return 0
    if point.at_ms > newest.at_ms:
        return 0
    if point.latitude_deg != newest.latitude_deg or point.longitude_deg != newest.longitude_deg:
        return _SAME_INSTANT
    return _REPEATED_PLACE if point.is_repeat else _DUPLICATE


@compiled
def admit(sequence: Record, point: Record, rules: Record) -> int:
    """Judge the next point. After `BACK`, `BOTH` and `FLIES` the one that waited is `sequence.jump`."""
    if not sequence.has_last or (not sequence.has_suspect and is_possible(sequence.last, point, rules)):
        _set_last(sequence, point)
        return ONE
    if not sequence.has_suspect:
        sequence.suspect = point
        sequence.has_suspect = True
        return WAITS
    sequence.jump = sequence.suspect
    sequence.has_suspect = False
    if is_possible(sequence.last, point, rules):
        _set_last(sequence, point)
        return BACK
    if is_possible(sequence.jump, point, rules):
        _set_last(sequence, point)
        return BOTH
    sequence.last = sequence.jump
    sequence.suspect = point
    sequence.has_suspect = True
    return FLIES


@compiled
def is_possible(start: Record, end: Record, rules: Record) -> bool:
    """Whether somebody can have moved from one point to the other, given what the two may be wrong by."""
    seconds = max(1.0, (end.at_ms - start.at_ms) / 1000)
    return metres_between(start, end) - start.accuracy_m - end.accuracy_m <= rules.speed_max_mps * seconds


@compiled
def _set_last(sequence: Record, point: Record) -> None:
    sequence.last = point
    sequence.has_last = True
