"""How long a way was, along fixes that are wrong by metres.

Adding up the steps between fixes adds up their errors too: it makes a walk 1.3 to 15 times as long. Instead:

1. Outliers are left out (`outliers`).
2. Neighbouring fixes are averaged into spots, up to 25 m apart: as far as this track's own noise asks for. Without
   noise every fix is a spot of its own. When a spot is complete follows from time and pace, not from where its fixes
   happen to lie, so that errors do not choose it.
3. The chords between spots are added up, each corrected by the turns at its ends. A chord that cuts a corner off turns
   the same way at both; by Mollweide's formula the two sides cut off are chord * (1 + p) / (1 - p), p being the product
   of the tangents of half the turns. (Where the turn before was the same way too, it is a curve, and only the excess
   over it a corner.) Errors make chords turn to and fro; p is then negative, and the same formula takes away what they
   added. Both corrections are damped, because a turn is itself uncertain; the weights are measured.
4. What goes to and fro around one place is held back (`progress`).

All state is bounded, and a length that has settled is never taken back. The figures, and what else was tried:
docs/decisions/0006-length-of-a-way.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itrack.trajectory.compiled import compiled
from itrack.trajectory.outliers import WINDOW, begin_window, is_outlier, next_fix, shortest_s, trust, wait
from itrack.trajectory.progress import PROGRESS, begin_progress, claim, compare, reach, set_anchor, settle

__all__ = ["PATH", "add", "begin", "finish", "length_m", "measured"]

PATH = np.dtype(
    [
        ("window", WINDOW),  # the newest fixes, which wait to be judged
        ("progress", PROGRESS),  # what of the length counts
        ("began_ms", "i8"),  # time of the first fix; all other times are seconds since then
        ("latitude_deg", "f8"),  # of the newest fix
        ("longitude_deg", "f8"),
        ("block_at_s", "f8"),  # the spot in the making: its first fix, and sums over its fixes
        ("block_sum_s", "f8"),
        ("block_sum", "c16"),  # places are metres east and, as the imaginary part, north
        ("spot_at_s", "f8"),  # the newest complete spot
        ("spot", "c16"),
        ("chord", "c16"),  # to it from the one before
        ("half_turn", "f8"),  # tangent of half the turn at the chord's beginning, positive to the left
        ("half_turn_before", "f8"),  # and at the beginning of the one before
        ("pace_mps", "f8"),  # recent speed from spot to spot
        ("outlier_no", "i8", (3,)),  # `fix_no` of the outliers that the last call of `add` or `finish` found
        ("outlier_count", "i4"),
        ("block_count", "i4"),
        ("spot_count", "i4"),  # 3 for any more
    ],
    align=True,
)
"""One device's way since it began. Zero bytes are a way that has just begun."""

_METRES_PER_DEGREE = math.radians(1) * 6_371_008.8

_SPOT_M = 25.0
_SPOT_S = 25.0
_SPOT_BENDS = 10.0
"""On a baseline of so many usual bends, errors hardly count."""
_ROUGH_BENDS = 4.0
"""Spots are at least so many usual bends apart, over the root of the number of their fixes."""

_SHORT_M, _LONG_M = 40.0, 80.0
_CUT_SHARES = 0.3, 0.8
"""What of a corner cut off is given back on short and on long chords."""
_EXCESS_SHARES = 0.5, 0.0
"""What of an excess is taken away."""
_CUT_MOST = 0.25
_HALF_TURN_MOST = 2.0
"""On turning on the heel the sense of the turn is chance: no formula may hang on it."""


@compiled
def begin(path: Any) -> None:
    """Forget everything: a new way begins with the next fix."""
    begin_window(path.window)
    begin_progress(path.progress)
    path.outlier_count = path.block_count = path.spot_count = 0
    path.half_turn = path.half_turn_before = 0.0


@compiled
def add(path: Any, point: Any) -> None:
    """Take the next fix of a way that has begun.

    `outlier_no[:outlier_count]` then names the fix that was found to be an outlier, if one was: the last but three.
    The same place at the same time again changes nothing, nor does a place that is not on Earth.

    Args:
        path: a record of `PATH`.
        point: a record with `at_ms`, `latitude_deg`, `longitude_deg`, `accuracy_m` (0 when unknown) and `fix_no`.
    """
    path.outlier_count = 0
    if not (abs(point.latitude_deg) <= 90.0 and abs(point.longitude_deg) <= 180.0):
        return
    newest = path.window.count - 1
    if newest < 0:
        path.began_ms = point.at_ms
    at_s = (point.at_ms - path.began_ms) * 0.001
    place = 0j
    if newest >= 0:
        north_deg = point.latitude_deg - path.latitude_deg
        east_deg = point.longitude_deg - path.longitude_deg
        if north_deg == 0.0 and east_deg == 0.0 and at_s == path.window.at_s[newest]:
            return
        if abs(east_deg) > 180.0:
            east_deg -= math.copysign(360.0, east_deg)
        shrunk = math.cos(math.radians(path.latitude_deg + north_deg / 2))
        place = path.window.place[newest] + complex(east_deg * shrunk, north_deg) * _METRES_PER_DEGREE
    path.latitude_deg = point.latitude_deg
    path.longitude_deg = point.longitude_deg
    claim(path.progress, point.accuracy_m)
    if wait(path.window, at_s, place, point.fix_no):
        _take(path)


@compiled
def finish(path: Any) -> None:
    """End the way at its newest fix: judge what still waits, and settle. Up to three fixes are named as outliers.

    Before anything more is added, the next way must `begin`.
    """
    path.outlier_count = 0
    if path.window.count == 0:  # no fix came: of any others, some wait
        return
    ended_s = path.window.at_s[path.window.count - 1]
    while path.window.count > 0:
        _take(path)
    if path.block_count > 0:
        before_s = path.spot_at_s
        _complete_spot(path)
        if path.spot_count == 1:
            path.progress.pending_m = 2 * abs(path.window.trusted - path.spot)  # from the middle of a few steps
        else:
            rest = (ended_s - path.spot_at_s) / shortest_s(path.spot_at_s - before_s)
            path.progress.pending_m += abs(path.chord) * min(rest, 1.0)
        settle(path.progress, path.spot_at_s, path.spot, True)


@compiled
def length_m(path: Any) -> float:
    """The way's length so far, without its last 25 m or so; after `finish`, all of it.

    Before, it may fall again by up to `progress.pending_m`, when a stay has begun; `progress.settled_m` never falls.
    """
    return float(path.progress.settled_m + max(path.progress.pending_m, 0.0))


def measured(points: NDArray[Any]) -> tuple[float, NDArray[np.int64]]:
    """Measure the way along all points of an array, by the same compiled code.

    Args:
        points: structured array, sorted by time, with the fields that `add` asks for.

    Returns:
        Its length in metres, and the `fix_no` of the outliers.
    """
    path = np.zeros(1, PATH).view(np.recarray)[0]
    outlier_nos = np.empty(len(points), np.int64)
    count = _measure(path, points, outlier_nos)
    return length_m(path), outlier_nos[:count]


@compiled
def _measure(path: Any, points: Any, outlier_nos: Any) -> int:
    count = 0
    for index in range(len(points) + 1):
        if index < len(points):
            add(path, points[index])
        else:
            finish(path)
        for found in range(path.outlier_count):
            outlier_nos[count] = path.outlier_no[found]
            count += 1
    return count


@compiled
def _take(path: Any) -> None:
    """Judge the fix that has waited longest, and let it count unless it is an outlier."""
    window = path.window
    if is_outlier(window):
        path.outlier_no[path.outlier_count] = window.fix_no[0]
        path.outlier_count += 1
    else:
        if path.block_count > 0 and _is_next_spot(path, window.at_s[0]):
            _complete_spot(path)
        if path.block_count == 0:
            path.block_at_s = window.at_s[0]
            path.block_sum_s = 0.0
            path.block_sum = 0j
        path.block_count += 1
        path.block_sum_s += window.at_s[0] - path.block_at_s
        path.block_sum += window.place[0]
        trust(window)
    next_fix(window)


@compiled
def _is_next_spot(path: Any, at_s: float) -> bool:
    """Whether a fix belongs to the next spot: the one in the making is complete."""
    bend_m = path.window.usual_bend_m
    apart_m = max(min(_SPOT_M, _SPOT_BENDS * bend_m), _ROUGH_BENDS * bend_m / math.sqrt(path.block_count))
    due_s = _SPOT_S
    if path.spot_count > 1 and path.pace_mps * due_s > apart_m:
        due_s = apart_m / path.pace_mps
    step_s = at_s - path.window.trusted_at_s
    return bool(at_s - path.block_at_s >= due_s - step_s / 2)


@compiled
def _complete_spot(path: Any) -> None:
    """Make a spot of the fixes in the making, and add the chord that leads to it."""
    at_s = path.block_at_s + path.block_sum_s / path.block_count
    spot = path.block_sum / path.block_count
    path.block_count = 0
    path.spot_count = min(path.spot_count + 1, 3)
    if path.spot_count == 1:
        set_anchor(path.progress, at_s, spot)
    else:
        seconds = shortest_s(at_s - path.spot_at_s)
        chord = spot - path.spot
        chord_m = abs(chord)
        if path.spot_count == 2:
            rest = path.spot_at_s / seconds
            path.progress.pending_m += chord_m * min(rest, 1.0)
            path.pace_mps = chord_m / seconds
        else:
            path.pace_mps = (path.pace_mps + chord_m / seconds) / 2
            _turn(path, chord)
        path.chord = chord
        reach(path.progress, at_s, spot, chord_m)
    path.spot_at_s = at_s
    path.spot = spot


@compiled
def _turn(path: Any, next_chord: complex) -> None:
    """Correct the newest chord by the turns at its two ends."""
    chord_m = abs(path.chord)
    turned = path.chord.conjugate() * next_chord
    half_turn = turned.imag / max(abs(turned) + turned.real, abs(turned.imag) / _HALF_TURN_MOST, 1e-9)
    corner = path.half_turn
    if path.half_turn_before * corner > 0 and corner * half_turn > 0:  # a curve: what is more than it, is a corner
        corner -= math.copysign(min(abs(path.half_turn_before), abs(corner)), corner)
    product = min(corner * half_turn, _CUT_MOST)
    path.half_turn_before = path.half_turn
    path.half_turn = half_turn
    ease = min(max((chord_m - _SHORT_M) / (_LONG_M - _SHORT_M), 0.0), 1.0)
    short, long = _CUT_SHARES if product > 0 else _EXCESS_SHARES
    path.progress.pending_m += (short + (long - short) * ease) * chord_m * 2 * product / (1 - product)
    compare(path.progress, turned, min(chord_m, abs(next_chord)))
