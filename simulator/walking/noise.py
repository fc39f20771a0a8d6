"""How wrong a phone's places are. Metres on a plane, seconds from a start.

The errors are like those of real phones in town: correlated over a minute (first-order Gauss-Markov), several metres
outdoors, tens of metres indoors, with a rare jump of some seconds; the accuracy that the phone claims is only loosely
right. Indoors a building may shift all places, and for minutes they may wander off and come back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import msgspec

from simulator.walking.outing import Stay

__all__ = ["ErrorHabits", "Errors"]

_MEMORY_S = 60.0
_WARM_UP_S = 20.0
_SLEPT_S = 120.0
_JUMPS_PER_S = {True: 0.003, False: 0.0005}
_JUMP_LOOK_S = 10.0


class ErrorHabits(msgspec.Struct, frozen=True, kw_only=True):
    """How wrong this phone is.

    Attributes:
        outdoors_m: typical error outdoors, on each axis.
        indoors_m: range of the typical error indoors.
        shift_m: typical shift, on each axis, of all places in one building.
        wanders_per_h: how often, indoors, the place wanders off by `wander_m` for some minutes and comes back.
        warm_up_m: typical error, on top, of the first place after the phone slept.
    """

    outdoors_m: float = 5.0
    indoors_m: tuple[float, float] = (15.0, 30.0)
    shift_m: float = 0.0
    wanders_per_h: float = 0.0
    wander_m: tuple[float, float] = (50.0, 150.0)
    warm_up_m: float = 0.0


class _Wandering(msgspec.Struct, frozen=True):
    begin_s: float
    ramp_s: float
    hold_s: float
    metres: float
    angle: float
    admitted: float

    def share_at(self, at_s: float) -> float:
        """How much of the way off it is: 0 before and after, 1 while it holds."""
        since_s = at_s - self.begin_s
        left_s = 2 * self.ramp_s + self.hold_s - since_s
        return max(0.0, min(1.0, since_s / self.ramp_s, left_s / self.ramp_s))


class Errors:
    """The error at each measured moment; to be asked in order of time."""

    def __init__(self, random: Random, habits: ErrorHabits, stays: Sequence[Stay]) -> None:
        self._random, self._habits = random, habits
        self._slow = (0.0, 0.0)
        self._warm_up = (0.0, 0.0)
        self._jump = (0.0, 0.0)
        self._jump_ends_s = self._measured_s = -math.inf
        self._shifts = {stay.begin_s: self._pair(habits.shift_m) for stay in stays} if habits.shift_m else {}
        self._wanderings = [one for stay in stays if stay.is_indoors for one in self._draw_wanderings(stay)]

    def at(self, at_s: float, stay: Stay | None) -> tuple[float, float, float]:
        """East and north error, and the error that the phone claims (m)."""
        random, habits = self._random, self._habits
        is_indoors = stay is not None and stay.is_indoors
        sigma_m = random.uniform(*habits.indoors_m) if is_indoors else habits.outdoors_m
        slept_s = at_s - self._measured_s
        memory = math.exp(-slept_s / _MEMORY_S)
        fresh = math.sqrt(1 - memory * memory) * sigma_m
        east_m = memory * self._slow[0] + fresh * random.gauss(0, 1)
        north_m = memory * self._slow[1] + fresh * random.gauss(0, 1)
        self._slow = (east_m, north_m)
        self._measured_s = at_s
        if at_s > self._jump_ends_s:
            is_jump = random.random() < _JUMPS_PER_S[is_indoors] * min(slept_s, _JUMP_LOOK_S)
            jump_m, angle = random.uniform(40, 200) if is_jump else 0.0, random.uniform(0, 2 * math.pi)
            self._jump = (jump_m * math.cos(angle), jump_m * math.sin(angle))
            self._jump_ends_s = at_s + random.uniform(0, 15) if is_jump else at_s
        east_m, north_m = east_m + self._jump[0], north_m + self._jump[1]
        claimed_m = sigma_m * random.uniform(1.2, 3.0)
        if habits.warm_up_m:
            fade = math.exp(-slept_s / _WARM_UP_S)
            slept = self._pair(habits.warm_up_m) if slept_s > _SLEPT_S else (0.0, 0.0)
            self._warm_up = (self._warm_up[0] * fade + slept[0], self._warm_up[1] * fade + slept[1])
            east_m, north_m = east_m + self._warm_up[0], north_m + self._warm_up[1]
            claimed_m += random.uniform(0.3, 1.0) * math.hypot(*self._warm_up)
        if stay is not None and stay.is_indoors and self._shifts:
            shift = self._shifts[stay.begin_s]
            east_m, north_m = east_m + shift[0], north_m + shift[1]
        for one in self._wanderings:
            off_m = one.metres * one.share_at(at_s)
            if off_m > 0:
                east_m, north_m = east_m + off_m * math.cos(one.angle), north_m + off_m * math.sin(one.angle)
                claimed_m += one.admitted * off_m
        return east_m, north_m, claimed_m

    def _draw_wanderings(self, stay: Stay) -> list[_Wandering]:
        random, habits, found = self._random, self._habits, list[_Wandering]()
        now_s = stay.begin_s
        while habits.wanders_per_h:
            now_s += random.expovariate(habits.wanders_per_h / 3600)
            one = _Wandering(
                begin_s=now_s,
                ramp_s=random.uniform(60, 300),
                hold_s=random.uniform(30, 480),
                metres=random.uniform(*habits.wander_m),
                angle=random.uniform(0, 2 * math.pi),
                admitted=random.uniform(0.3, 1.0) if random.random() < 0.7 else 0.0,
            )
            now_s += 2 * one.ramp_s + one.hold_s
            if now_s > stay.end_s:
                break
            found.append(one)
        return found

    def _pair(self, sigma_m: float) -> tuple[float, float]:
        return self._random.gauss(0, sigma_m), self._random.gauss(0, sigma_m)
