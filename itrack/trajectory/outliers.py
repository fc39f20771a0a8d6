"""Outliers: a jump and its return that nothing else speaks for, though it is too short to be impossible.

A fix waits until three more have come. It is an outlier if the way to it and from one of the next three back is a
detour: longer than the way without it, longer than this person's usual speed explains, by more than a gate. The gate
follows the track's own noise: how far fixes usually lie from the middle between their neighbours. So a corner, a turn
on the heel, setting off and stopping are none (their steps have the usual length), and in a bad receiver's track a
fix must be further off. The claimed accuracy is not asked: it is often absent, and wrong by a factor of two.

Usual speed and usual bend are tracked as quantiles, by multiplying them up or down a little with each fix (stochastic
approximation, Robbins and Monro 1951): a few wild fixes cannot move them far.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from itrack.trajectory.compiled import compiled

__all__ = ["WINDOW", "begin_window", "is_outlier", "next_fix", "shortest_s", "trust", "wait"]

_LENGTH = 4

WINDOW = np.dtype(
    [
        ("at_s", "f8", (_LENGTH,)),  # the fixes that wait for their judgement, oldest first
        ("place", "c16", (_LENGTH,)),  # metres east and, as the imaginary part, north
        ("fix_no", "i8", (_LENGTH,)),
        ("trusted_at_s", "f8"),  # the last fix that was no outlier
        ("trusted", "c16"),
        ("usual_mps", "f8"),  # the speed that two thirds of the steps do not exceed
        ("usual_bend_m", "f8"),  # median distance of a fix from the middle between its neighbours
        ("count", "i4"),  # how many wait
        ("trusted_count", "i4"),  # 1000 for any more
    ],
    align=True,
)
"""The newest fixes of one way."""

_GATE_M = 15.0
_GATE_BENDS = 3.0
_FIRST_BEND_M = 5.0
_WALK_MPS = 1.5
"""Anybody may set off at walking speed at any time."""
_CORNER = 0.2
"""Share of two steps that turning between them by a right angle, and some more, saves at most."""
_FIRST_STEP_S = 10.0
"""The first fix of a way is only doubted if the next one came as soon as this: later, a vehicle may have arrived."""


@compiled
def begin_window(window: Any) -> None:
    """Forget everything."""
    window.count = window.trusted_count = 0


@compiled
def shortest_s(seconds: float) -> float:
    """A time to divide by: fixes of one instant count as half a second apart."""
    return max(seconds, 0.5)


@compiled
def wait(window: Any, at_s: float, place: complex, fix_no: int) -> bool:
    """Let one more fix wait. True when the oldest now has all its followers and must be judged and taken out."""
    last = window.count
    window.at_s[last] = at_s
    window.place[last] = place
    window.fix_no[last] = fix_no
    window.count = last + 1
    return bool(window.count == _LENGTH)


@compiled
def is_outlier(window: Any) -> bool:
    """Judge the oldest waiting fix by those that wait behind it, however many there are, and learn from it."""
    if window.trusted_count == 0:
        return _is_false_start(window)
    if window.trusted_count == 1:
        window.usual_mps = _first_mps(window)
        window.usual_bend_m = _FIRST_BEND_M
    is_wild = _is_wild(window)
    if window.count > 1:
        _learn(window)
    return is_wild


@compiled
def _is_wild(window: Any) -> bool:
    back_s = shortest_s(window.at_s[0] - window.trusted_at_s)
    back_m = abs(window.place[0] - window.trusted)
    usual_mps = max(window.usual_mps, _WALK_MPS)
    gate_m = max(_GATE_M, _GATE_BENDS * window.usual_bend_m)
    if back_m - usual_mps * back_s <= gate_m:
        return False
    if window.count == 1:  # the way ends with a jump: nothing shows a return, so it must be a bad one
        return bool(window.trusted_count > 3 and back_m - 2 * usual_mps * back_s > gate_m)
    for index in range(1, window.count):
        on_s = shortest_s(window.at_s[index] - window.at_s[index - 1])
        on_m = abs(window.place[index] - window.place[index - 1])
        direct_m = abs(window.place[index] - window.trusted)
        detour_m = back_m + on_m - max(direct_m, usual_mps * (back_s + on_s))
        if detour_m / 2 > max(gate_m, _CORNER * (back_m + on_m)):
            return True
    return False


@compiled
def trust(window: Any) -> None:
    """The oldest waiting fix is no outlier: the next one is judged from it."""
    window.trusted_at_s = window.at_s[0]
    window.trusted = window.place[0]
    window.trusted_count = min(window.trusted_count + 1, 1000)


@compiled
def next_fix(window: Any) -> None:
    """Take the oldest waiting fix out."""
    window.count -= 1
    for index in range(window.count):
        window.at_s[index] = window.at_s[index + 1]
        window.place[index] = window.place[index + 1]
        window.fix_no[index] = window.fix_no[index + 1]


@compiled
def _is_false_start(window: Any) -> bool:
    """Whether a way's first fix is far from the next three, as the first one of a cold receiver may be."""
    if window.count < _LENGTH:
        return False
    on_s = shortest_s(window.at_s[1] - window.at_s[0])
    speed_mps = _WALK_MPS
    for index in range(2, _LENGTH):
        step_m = abs(window.place[index] - window.place[index - 1])
        speed_mps = max(speed_mps, step_m / shortest_s(window.at_s[index] - window.at_s[index - 1]))
    jump_m = abs(window.place[1] - window.place[0]) - 2 * speed_mps * on_s
    return bool(jump_m > _GATE_M and on_s <= _FIRST_STEP_S)


@compiled
def _first_mps(window: Any) -> float:
    """The second lowest speed of the first steps: that of a good one, even if one of the fixes is an outlier."""
    low_mps = second_mps = np.inf
    at_s, place = window.trusted_at_s, window.trusted
    for index in range(window.count):
        speed_mps = abs(window.place[index] - place) / shortest_s(window.at_s[index] - at_s)
        second_mps = min(second_mps, max(low_mps, speed_mps))
        low_mps = min(low_mps, speed_mps)
        at_s, place = window.at_s[index], window.place[index]
    return low_mps if window.count == 1 else second_mps


@compiled
def _learn(window: Any) -> None:
    """Let usual speed and bend follow the oldest waiting fix."""
    back_s = shortest_s(window.at_s[0] - window.trusted_at_s)
    on_s = shortest_s(window.at_s[1] - window.at_s[0])
    middle = window.trusted + (window.place[1] - window.trusted) * (back_s / (back_s + on_s))
    bend_m = abs(window.place[0] - middle)
    speed_mps = abs(window.place[0] - window.trusted) / back_s
    step = max(0.05, 0.5 / (1 + window.trusted_count))
    window.usual_mps = max(window.usual_mps, 0.1) * (1 + 2 * step if speed_mps > window.usual_mps else 1 - step)
    window.usual_bend_m = max(window.usual_bend_m, 0.02) * (1 + step if bend_m > window.usual_bend_m else 1 - step)
