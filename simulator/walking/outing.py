"""What a person does in some hours: stay, walk, wait at lights, stay again. Seconds from a start, metres on a plane."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import msgspec

from simulator.walking.path import Knot, Path
from simulator.walking.streets import Corner, Town

__all__ = ["Outing", "Stay", "Walk", "plan_outing"]

_SHORTEST_STAY_S = 480.0
_LIGHTS_SHARE = 0.3
_DOOR_M = 18.0


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """Being at one place."""

    begin_s: float
    end_s: float
    east_m: float
    north_m: float
    is_indoors: bool


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """Going from one stay to the next, waits at lights included; `mode` is walk, bicycle or drive."""

    begin_s: float
    end_s: float
    distance_m: float
    mode: str = "walk"


class Outing(msgspec.Struct, frozen=True, kw_only=True):
    """Stays and walks in turn, beginning and ending with a stay, and the path of them all."""

    stays: tuple[Stay, ...]
    walks: tuple[Walk, ...]
    path: Path

    def mode_at(self, at_s: float) -> str | None:
        """How the person gets on; None while they stay somewhere or wait."""
        if math.hypot(*self.path.velocity_at(at_s)) == 0:
            return None
        return next((walk.mode for walk in self.walks if walk.begin_s <= at_s < walk.end_s), "walk")


def plan_outing(random: Random, town: Town, length_s: float) -> Outing:
    """Make up an outing that lasts exactly `length_s`.

    A stay lasts 8 minutes at least, so that it is a stop by anybody's rule; a wait at lights 50 s at most, so that it
    is none. Where too little time is left for another walk and stay, the last stay lasts to the end.
    """
    pace_mps = min(max(random.gauss(1.35, 0.15), 0.9), 1.8)
    corner = town.corner(random)
    place = _door(random, town, corner)
    now_s, knots, stays, walks = 0.0, [Knot(0.0, *place)], list[Stay](), list[Walk]()
    while True:
        stay_s = _stay_s(random, length_s)
        next_corner = town.destination(random, corner)
        next_place = _door(random, town, next_corner)
        steps, distance_m = _steps(random, town, pace_mps, [place, next_place], town.way(random, corner, next_corner))
        walk_s = sum(seconds for seconds, _ in steps)
        is_last = now_s + stay_s + walk_s + _SHORTEST_STAY_S > length_s
        end_s = length_s if is_last else now_s + stay_s
        stays.append(
            Stay(begin_s=now_s, end_s=end_s, east_m=place[0], north_m=place[1], is_indoors=random.random() < 0.7)
        )
        knots.append(Knot(end_s, *place))
        if is_last:
            return Outing(stays=tuple(stays), walks=tuple(walks), path=Path(knots))
        now_s = end_s
        for seconds, (east_m, north_m) in steps:
            now_s += seconds
            knots.append(Knot(now_s, east_m, north_m))
        walks.append(Walk(begin_s=end_s, end_s=now_s, distance_m=distance_m))
        corner, place = next_corner, next_place


def _stay_s(random: Random, length_s: float) -> float:
    longest_s = max(length_s / 2, _SHORTEST_STAY_S)
    low_s, high_s = random.choices([(480.0, 900.0), (1200.0, 3600.0), (3600.0, 14400.0)], weights=[5, 3, 2])[0]
    return min(random.uniform(low_s, high_s), longest_s)


def _door(random: Random, town: Town, corner: Corner) -> tuple[float, float]:
    """A house door a few metres off a corner."""
    angle = random.uniform(0, 2 * math.pi)
    east_m, north_m = town.place(corner)
    return east_m + _DOOR_M * math.cos(angle), north_m + _DOOR_M * math.sin(angle)


def _steps(
    random: Random, town: Town, pace_mps: float, ends: list[tuple[float, float]], way: list[Corner]
) -> tuple[list[tuple[float, tuple[float, float]]], float]:
    """Seconds to each next place on the way, waits included, and the way's length in metres."""
    places = [ends[0], *(town.place(corner) for corner in way), ends[1]]
    steps: list[tuple[float, tuple[float, float]]] = []
    distance_m = 0.0
    for from_, to in pairwise(places):
        leg_m = math.dist(from_, to)
        distance_m += leg_m
        steps.append((leg_m / (pace_mps * random.uniform(0.92, 1.08)), to))
        if to is not places[-1] and random.random() < _LIGHTS_SHARE:
            steps.append((random.uniform(8.0, 50.0), to))
    return steps, distance_m
