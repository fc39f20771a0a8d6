"""How long a way was, along fixes that are wrong by metres.

Adding up the steps between fixes adds up their errors too: it makes a walk 1.3 to 15 times as long. Instead:

1. Outliers are left out (`outliers`).
2. Neighbouring fixes are averaged into spots, up to 30 m apart: as far as this track's own noise asks for. Without
   noise every fix is a spot of its own. When a spot is complete follows from time and pace, not from where its fixes
   happen to lie, so that errors do not choose it.
3. The chords between spots are added up, each corrected by the turns at its ends. A chord that cuts a corner off turns
   the same way at both; by Mollweide's formula the two sides cut off are chord * (1 + p) / (1 - p), p being the product
   of the tangents of half the turns. Errors make chords turn to and fro; p is then negative, and the same formula takes
   away what they added. Both corrections are damped, because a turn is itself uncertain; the weights are measured.
4. Length counts once the person has got somewhere, or has gone on in a direction. What goes to and fro around one
   place for minutes is the receiver's error, not a way.

The phone's claimed accuracy is not asked: it is often absent, and often wrong by a factor of two. All state is bounded,
and a length that has settled is never taken back. Figures, and what else was tried: docs/decisions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itrack.trajectory.compiled import compiled
from itrack.trajectory.outliers import WINDOW, is_outlier, next_fix, shortest_s, trust, wait

__all__ = ["PATH", "add", "begin", "finish", "length_m", "measured"]

PATH = np.dtype(
    [
        ("settled_m", "f8"),  # length that counts for good: it never falls
        ("pending_m", "f8"),  # length since the anchor, which may yet turn out to be error
        ("began_ms", "i8"),  # time of the first fix; all other times are seconds since then
        ("latitude_deg", "f8"),  # of the newest fix
        ("longitude_deg", "f8"),
        ("window", WINDOW),  # the newest fixes, which wait to be judged
        ("first_at_s", "f8"),  # the first fix that counts
        ("block_at_s", "f8"),  # the spot in the making: its first fix, and sums over its fixes
        ("block_sum_s", "f8"),
        ("block_sum", "c16"),
        ("spot_at_s", "f8"),  # the newest complete spot; places are metres east and, as the imaginary part, north
        ("spot", "c16"),
        ("chord", "c16"),  # to it from the one before
        ("half_turn", "f8"),  # tangent of half the turn at the chord's beginning, positive to the left
        ("pace_mps", "f8"),  # recent speed from spot to spot
        ("anchor_at_s", "f8"),  # up to here length has settled
        ("anchor", "c16"),
        ("spot_sum", "c16"),  # of the spots since the anchor
        ("onward_m", "f8"),  # how much of the chords since the anchor goes on as the chord before did
        ("compared_m", "f8"),  # and of how much
        ("outlier_no", "i8", (3,)),  # `fix_no` of the outliers that the last call of `add` or `finish` found
        ("outlier_count", "i4"),
        ("block_count", "i4"),
        ("spot_count", "i4"),
        ("pending_count", "i4"),  # chords since the anchor
    ],
    align=True,
)
"""One device's way since it began."""

_METRES_PER_DEGREE = math.radians(1) * 6_371_008.8

_SPOT_M = 30.0
_SPOT_BENDS = 10.0  # so many usual bends make a baseline on which errors hardly count ...
_ROUGH_BENDS = 4.0  # ... and so many, over the root of the fixes in a spot, are the least if it is to be known at all
_SPOT_S = 25.0

_SHORT_CHORD_M, _LONG_CHORD_M = 40.0, 80.0
_CUT_SHARES = 0.25, 0.65  # how much of a cut corner is given back on short and on long chords
_EXCESS_SHARES = 0.45, 0.0  # and how much of an excess is taken away

_AWAY_M = 80.0
_HELD_S = 240.0
_ONWARD_SHARE = 0.3  # walks have 0.5 and more, errors around one place some 0.1
_DOUBT_M = 60.0  # that much more must have been compared before a few chords that go on mean anything
_DETOUR = 2.5
_FEW_CHORDS = 6


@compiled
def begin(path: Any) -> None:
    """Forget everything: a new way begins with the next fix."""
    path.settled_m = path.pending_m = 0.0
    path.window.count = path.window.trusted_count = 0
    path.block_count = path.spot_count = path.outlier_count = 0
    path.half_turn = path.pace_mps = 0.0
    path.chord = 0j


@compiled
def add(path: Any, point: Any) -> None:
    """Take the next fix, a record with `at_ms`, `latitude_deg`, `longitude_deg` and `fix_no`.

    `outlier_no[:outlier_count]` then names the fix that was found to be an outlier, if one was: one of the last four.
    Neither the same place at the same time again nor a place that is not on Earth changes anything.
    """
    path.outlier_count = 0
    if not (abs(point.latitude_deg) <= 90.0 and abs(point.longitude_deg) <= 180.0):
        return
    place = 0j
    newest = path.window.count - 1
    if newest < 0:
        path.began_ms = point.at_ms
    at_s = (point.at_ms - path.began_ms) * 0.001
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
    if wait(path.window, at_s, place, point.fix_no):
        _take(path)


@compiled
def finish(path: Any) -> None:
    """The way ends at the newest fix: judge what still waits, and settle. Outliers are named as by `add`, up to three."""
    path.outlier_count = 0
    while path.window.count > 0:
        _take(path)
    if path.block_count > 0:
        spot_at_s = path.spot_at_s
        _complete_spot(path)
        if path.spot_count > 1:
            after = (path.window.trusted_at_s - path.spot_at_s) / shortest_s(path.spot_at_s - spot_at_s)
            path.pending_m += abs(path.chord) * min(after, 1.0)
        _settle(path, True)


@compiled
def length_m(path: Any) -> float:
    """The way's length so far, without the last 30 m or so; after `finish`, all of it.

    Until then, up to `pending_m` of it may be taken back: a stay may begin with some steps that were none.
    """
    return float(path.settled_m + max(path.pending_m, 0.0))


def measured(points: NDArray[Any]) -> tuple[float, NDArray[np.int64]]:
    """Length of the way along all the points of an array, in metres, and the numbers of those that are outliers.

    Args:
        points: structured array, sorted by time, with the fields that `add` asks for.
    """
    path = np.zeros(1, PATH).view(np.recarray)[0]
    outlier_nos = np.empty(len(points), np.int64)
    count = _measure(path, points, outlier_nos)
    return float(path.settled_m), outlier_nos[:count]


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
        if path.block_count > 0 and _is_complete(path, window.at_s[0], window.place[0]):
            _complete_spot(path)
        if path.block_count == 0:
            path.block_at_s = window.at_s[0]
            path.block_sum_s = 0.0
            path.block_sum = 0j
            if path.spot_count == 0:
                path.first_at_s = window.at_s[0]
        path.block_count += 1
        path.block_sum_s += window.at_s[0] - path.block_at_s
        path.block_sum += window.place[0]
        trust(window)
    next_fix(window)


@compiled
def _is_complete(path: Any, at_s: float, place: complex) -> bool:
    """Whether a fix belongs to the next spot."""
    bend_m = path.window.usual_bend_m
    apart_m = max(min(_SPOT_M, _SPOT_BENDS * bend_m), _ROUGH_BENDS * bend_m / math.sqrt(path.block_count))
    due_s = _SPOT_S
    if path.spot_count > 1 and path.pace_mps * due_s > apart_m:
        due_s = apart_m / path.pace_mps
    step_s = at_s - path.window.trusted_at_s
    if at_s - path.block_at_s >= due_s - step_s / 2:
        return True
    middle = path.block_sum / path.block_count
    if path.spot_count == 0:
        return bool(abs(place - middle) >= apart_m)
    return bool(abs(middle - path.spot) >= 2 * apart_m)  # faster than before


@compiled
def _complete_spot(path: Any) -> None:
    """Make the block's mean the newest spot."""
    at_s = path.block_at_s + path.block_sum_s / path.block_count
    spot = path.block_sum / path.block_count
    path.block_count = 0
    path.spot_count = min(path.spot_count + 1, 3)
    if path.spot_count == 1:
        path.spot_at_s = at_s
        path.spot = spot
        _set_anchor(path, spot)
        return
    seconds = shortest_s(at_s - path.spot_at_s)
    chord = spot - path.spot
    chord_m = abs(chord)
    path.pending_m += chord_m
    if path.spot_count == 2:
        path.pending_m += chord_m * min((path.spot_at_s - path.first_at_s) / seconds, 1.0)
        path.pace_mps = chord_m / seconds
    else:
        path.pace_mps = (path.pace_mps + chord_m / seconds) / 2
        _turn(path, chord)
    path.spot_at_s = at_s
    path.spot = spot
    path.chord = chord
    path.spot_sum += spot
    path.pending_count += 1
    _settle(path, False)


@compiled
def _turn(path: Any, chord: complex) -> None:
    """Correct the chord before `chord` by the turns at its ends, and note whether the way goes on as it did."""
    before_m = abs(path.chord)
    turned = path.chord.conjugate() * chord
    half_turn = turned.imag / max(abs(turned) + turned.real, 1e-9)
    product = min(path.half_turn * half_turn, 0.25)
    ease = min(max((before_m - _SHORT_CHORD_M) / (_LONG_CHORD_M - _SHORT_CHORD_M), 0.0), 1.0)
    short, long = _CUT_SHARES if product > 0 else _EXCESS_SHARES
    share = short + (long - short) * ease
    path.pending_m += share * before_m * 2 * product / (1 - product)
    path.half_turn = half_turn
    if turned != 0:
        compared_m = min(before_m, abs(chord))
        path.onward_m += compared_m * turned.real / abs(turned)
        path.compared_m += compared_m


@compiled
def _settle(path: Any, is_end: bool) -> None:
    """Decide on the pending length, if it can be known."""
    away_m = abs(path.spot - path.anchor)
    is_away = away_m >= _AWAY_M
    is_onward = path.onward_m >= _ONWARD_SHARE * (path.compared_m + _DOUBT_M)
    is_late = path.spot_at_s - path.anchor_at_s >= _HELD_S
    if not (is_end or is_late or away_m >= 2 * _AWAY_M or (is_away and is_onward)):
        return
    is_direct = path.pending_m <= _DETOUR * away_m
    anchor = path.spot
    if is_onward or (is_direct and (is_away or is_end)) or (is_end and path.pending_count < _FEW_CHORDS):
        path.settled_m += max(path.pending_m, 0.0)
    elif is_away or is_end:
        path.settled_m += away_m
    else:
        anchor = path.spot_sum / path.pending_count
    _set_anchor(path, anchor)


@compiled
def _set_anchor(path: Any, anchor: complex) -> None:
    """Hold back from here on."""
    path.anchor = anchor
    path.anchor_at_s = path.spot_at_s
    path.spot_sum = 0j
    path.pending_m = path.onward_m = path.compared_m = 0.0
    path.pending_count = 0
