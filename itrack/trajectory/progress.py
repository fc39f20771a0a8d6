"""Progress: length counts once somebody has got somewhere, or has gone on in a direction.

A phone that lies on a table for an hour tells of walks to and fro, some kilometres of them. Its chords turn every way;
those of a walk go on, and those of laps turn the same way again and again. So length is pending until the person is
80 m from the anchor and the chords since then go on; or 160 m away, however they turned. Four minutes later, what
neither went on nor got away was error: it is dropped, and the anchor moves to the middle of its spots.

How far chords must go on to be believed rises with the claimed accuracy, which is tens of metres indoors. Where it is
unknown, 15 m are assumed. This is the only use made of it, so that claims wrong by a factor of two do little harm.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from itrack.trajectory.compiled import compiled

__all__ = ["PROGRESS", "begin_progress", "claim", "compare", "reach", "set_anchor", "settle"]

PROGRESS = np.dtype(
    [
        ("settled_m", "f8"),  # length that counts for good: it never falls
        ("pending_m", "f8"),  # length since the anchor, which may yet turn out to be error
        ("anchor_at_s", "f8"),
        ("anchor", "c16"),  # metres east and, as the imaginary part, north
        ("spot_sum", "c16"),  # of the spots since the anchor
        ("turned_m", "c16"),  # sum of the turns since the anchor as directions, each as long as its shorter chord
        ("compared_m", "f8"),  # sum of those lengths
        ("accuracy_m", "f8"),  # recent claimed accuracy; 0 before the first fix
        ("chord_count", "i4"),  # since the anchor
    ],
    align=True,
)
"""What of a way counts, and what is held back."""

_AWAY_M = 80.0
_HELD_S = 240.0
_ACCURACY_M = 15.0
_ACCURACY_MOST_M = 100.0
_ACCURACY_STEP = 0.1
_ONWARD = 0.35
"""Share of the compared length that must go on, at `_ACCURACY_M`. Walks have 0.5 and more, errors some 0.1."""
_ONWARD_MOST = 0.5
_CURL = 0.7
"""What turning on in the same sense counts, beside going straight on."""
_DOUBT_M = 60.0
"""So much more is taken to have been compared, without result: one or two chords that go on mean nothing."""
_DETOUR = 2.5
_FEW_CHORDS = 6


@compiled
def begin_progress(progress: Any) -> None:
    """Forget everything."""
    progress.settled_m = progress.accuracy_m = 0.0
    set_anchor(progress, 0.0, 0j)


@compiled
def set_anchor(progress: Any, at_s: float, anchor: complex) -> None:
    """Hold back from here on."""
    progress.anchor_at_s = at_s
    progress.anchor = anchor
    progress.pending_m = progress.compared_m = 0.0
    progress.spot_sum = progress.turned_m = 0j
    progress.chord_count = 0


@compiled
def claim(progress: Any, accuracy_m: float) -> None:
    """Hear a fix's claimed accuracy; 0 for unknown."""
    claimed_m = min(accuracy_m, _ACCURACY_MOST_M) if accuracy_m > 0 else _ACCURACY_M
    before_m = progress.accuracy_m if progress.accuracy_m > 0 else _ACCURACY_M
    progress.accuracy_m = before_m + _ACCURACY_STEP * (claimed_m - before_m)


@compiled
def compare(progress: Any, turned: complex, shorter_m: float) -> None:
    """Hear of a turn: the product of one chord's conjugate and the next chord, and the length of the shorter one."""
    if turned != 0:
        progress.turned_m += shorter_m * turned / abs(turned)
        progress.compared_m += shorter_m


@compiled
def reach(progress: Any, at_s: float, spot: complex, chord_m: float) -> None:
    """Hear that a chord of that length has led to a spot, and settle if that decides."""
    progress.pending_m += chord_m
    progress.spot_sum += spot
    progress.chord_count += 1
    settle(progress, at_s, spot, False)


@compiled
def settle(progress: Any, at_s: float, spot: complex, is_end: bool) -> None:
    """Decide on the pending length, if that is possible; at the way's end in any case."""
    away_m = abs(spot - progress.anchor)
    is_away = away_m >= _AWAY_M
    onward_m = progress.turned_m.real + _CURL * abs(progress.turned_m.imag)
    share = min(_ONWARD * progress.accuracy_m / _ACCURACY_M, _ONWARD_MOST)
    is_onward = onward_m >= share * (progress.compared_m + _DOUBT_M)
    is_late = at_s - progress.anchor_at_s >= _HELD_S
    if not (is_end or is_late or away_m >= 2 * _AWAY_M or (is_away and is_onward)):
        return
    is_direct = progress.pending_m <= _DETOUR * away_m
    if is_onward or (is_direct and (is_away or is_end)) or (is_end and progress.chord_count < _FEW_CHORDS):
        progress.settled_m += max(progress.pending_m, 0.0)
    elif is_away or is_end:
        progress.settled_m += away_m
    else:
        spot = progress.spot_sum / progress.chord_count
    set_anchor(progress, at_s, spot)
