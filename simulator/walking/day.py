"""A person's day with everything that makes stops hard to find. Seconds from a start, metres on a plane.

Where `outing` plans an easy walk, a day has short errands, shops to walk about in, waits for a bus, stops next door,
places come back to at once, rounds without a stop, rides and drives between.

What counts as a stop is what a person would write into a diary: having been somewhere for two and a half minutes or
more, a wait for a bus included. Lights, up to 90 s of them, and slow steps past a window are parts of the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from random import Random

import msgspec

from simulator.walking.outing import Outing, Stay, Walk
from simulator.walking.path import Knot, Path
from simulator.walking.streets import Town

__all__ = ["SHORTEST_STOP_S", "plan_day"]

SHORTEST_STOP_S = 150.0

Place = tuple[float, float]

_SPEEDS_MPS = {"walk": (1.0, 1.6), "bicycle": (3.5, 6.0), "drive": (6.0, 14.0)}
_LIGHTS_SHARE = {"walk": 0.25, "bicycle": 0.12, "drive": 0.15}
_DOOR_M = 18.0


def plan_day(random: Random, town: Town, length_s: float) -> Outing:
    """Make up a day that lasts exactly `length_s`; it begins and ends with a stay."""
    day = _Day(random, town)
    habits: list[tuple[Callable[[], None], float]] = [
        (day.visit, 4.0),
        (day.work, 2.0),
        (day.errand, 3.0),
        (day.shop, 2.0),
        (day.bus, 1.5),
        (day.next_door, 1.5),
        (day.errand_and_back, 1.0),
        (day.round, 0.5),
    ]
    day.stay(random.uniform(1200, 7200), indoors=1.0)
    doings, weights = zip(*habits, strict=True)
    while day.now_s < length_s:
        random.choices(doings, weights)[0]()
    return day.until(length_s)


class _Day(msgspec.Struct):
    random: Random
    town: Town
    now_s: float = 0.0
    place: Place = (0.0, 0.0)
    knots: list[Knot] = []
    stays: list[Stay] = []
    walks: list[Walk] = []

    def __post_init__(self) -> None:
        self.place = self._door(self.town.corner(self.random))
        self.knots.append(Knot(0.0, *self.place))

    def visit(self) -> None:
        self.go()
        self.stay(self.random.uniform(600, 2400), indoors=0.7)

    def work(self) -> None:
        self.go()
        self.stay(self.random.uniform(3600, 14_400), indoors=1.0)

    def errand(self) -> None:
        self.go()
        self.stay(self.random.uniform(SHORTEST_STOP_S, 300), indoors=0.5)

    def shop(self) -> None:
        """Walking about inside: 30 to 80 m across."""
        self.go()
        self.stay(self.random.uniform(480, 2400), indoors=0.8, reach_m=self.random.uniform(15, 40))

    def bus(self) -> None:
        self.go("walk")
        self.stay(self.random.uniform(180, 360), indoors=0.0)
        self.go("drive")
        self.stay(self.random.uniform(600, 3600), indoors=0.8)

    def next_door(self) -> None:
        self.step_aside(self.random.uniform(80, 150))
        self.stay(self.random.uniform(300, 3600), indoors=0.7)

    def errand_and_back(self) -> None:
        left = self.place
        self.step_aside(self.random.uniform(120, 400))
        self.stay(self.random.uniform(SHORTEST_STOP_S, 300), indoors=0.5)
        self._move("walk", [left])
        self.stay(self.random.uniform(900, 3600), indoors=0.8)

    def round(self) -> None:
        """A walk around some blocks, back to where it began."""
        side_m, left = self.random.uniform(150, 400), self.place
        angle = self.random.uniform(0, 2 * math.pi)
        corners = [_beside(left, side_m, angle)]
        corners.append(_beside(corners[0], side_m, angle + math.pi / 2))
        self._move("walk", [*corners, _beside(left, side_m, angle + math.pi / 2), left])
        self.stay(self.random.uniform(900, 3600), indoors=0.8)

    def go(self, mode: str | None = None) -> None:
        """To some other place, on foot, by bicycle or by car as the way is long."""
        random = self.random
        if mode is None:
            mode = random.choices(["walk", "bicycle", "drive"], [6.0, 1.5, 2.5])[0]
        far = {"walk": (3, 12), "bicycle": (8, 25), "drive": (10, 40)}[mode]
        corner = self._corner()
        while True:
            along, across = random.randint(-far[1], far[1]), random.randint(-far[1], far[1])
            if far[0] <= abs(along) + abs(across) <= far[1]:
                break
        to = (corner[0] + along, corner[1] + across)
        way = [self.town.place(each) for each in self.town.way(random, corner, to)]
        self._move(mode, [*way, self._door(to)])

    def step_aside(self, metres: float) -> None:
        self._move("walk", [_beside(self.place, metres, self.random.uniform(0, 2 * math.pi))])

    def stay(self, seconds: float, *, indoors: float, reach_m: float = 0.0) -> None:
        """Be here; with a `reach_m`, walk about within it and pause."""
        random, began_s = self.random, self.now_s
        end_s, here = began_s + seconds, self.place
        while reach_m and self.now_s < end_s - 90:
            to = _beside(here, reach_m * math.sqrt(random.random()), random.uniform(0, 2 * math.pi))
            walk_s = math.dist(self.place, to) / random.uniform(0.4, 1.2)
            back_s = math.dist(to, here) / 1.0
            if self.now_s + walk_s + back_s > end_s:
                break
            self._reach(to, walk_s)
            self._reach(to, min(random.uniform(5, 120), max(0.0, end_s - back_s - self.now_s)))
        if self.place != here:
            self._reach(here, math.dist(self.place, here) / 1.0)
        self._reach(here, max(0.0, end_s - self.now_s))
        self.stays.append(
            Stay(
                begin_s=began_s,
                end_s=self.now_s,
                east_m=here[0],
                north_m=here[1],
                is_indoors=random.random() < indoors,
            )
        )

    def until(self, length_s: float) -> Outing:
        """The day cut at `length_s`; a walk or a short stay that the cut would leave at the end is stayed instead."""
        stays = [stay for stay in self.stays if stay.begin_s + 600 < length_s]
        last = stays[-1]
        stays[-1] = msgspec.structs.replace(last, end_s=length_s)
        end_s = min(last.end_s, length_s)
        knots = [knot for knot in self.knots if knot.at_s <= end_s]
        knots.append(Knot(length_s, knots[-1].east_m, knots[-1].north_m))
        walks = [walk for walk in self.walks if walk.end_s <= last.begin_s]
        return Outing(stays=tuple(stays), walks=tuple(walks), path=Path(knots))

    def _move(self, mode: str, places: list[Place]) -> None:
        random, began_s, way_m = self.random, self.now_s, 0.0
        pace_mps = random.uniform(*_SPEEDS_MPS[mode])
        for number, (from_, to) in enumerate(pairwise([self.place, *places])):
            leg_m = math.dist(from_, to)
            way_m += leg_m
            is_first, is_last = number == 0, number == len(places) - 1
            on_foot = mode == "walk" or is_first or is_last
            self._reach(to, leg_m / ((1.3 if on_foot and mode != "walk" else pace_mps) * random.uniform(0.92, 1.08)))
            if is_last:
                break
            if random.random() < _LIGHTS_SHARE[mode]:
                self._reach(to, random.uniform(8, 50) if random.random() < 0.75 else random.uniform(50, 90))
            elif mode == "walk" and random.random() < 0.04:
                window = _beside(to, random.uniform(10, 30), math.atan2(to[1] - from_[1], to[0] - from_[0]))
                way_m += 2 * math.dist(to, window)
                self._reach(window, math.dist(to, window) / random.uniform(0.5, 0.7))
                self._reach(to, math.dist(to, window) / pace_mps)
        self.walks.append(Walk(begin_s=began_s, end_s=self.now_s, distance_m=way_m, mode=mode))

    def _reach(self, place: Place, seconds: float) -> None:
        self.now_s += seconds
        self.place = place
        self.knots.append(Knot(self.now_s, *place))

    def _corner(self) -> tuple[int, int]:
        """The corner nearest to here."""
        cos, sin = math.cos(self.town.turned_rad), math.sin(self.town.turned_rad)
        along = self.place[0] * cos + self.place[1] * sin
        across = -self.place[0] * sin + self.place[1] * cos
        return round(along / self.town.block_m[0]), round(across / self.town.block_m[1])

    def _door(self, corner: tuple[int, int]) -> Place:
        return _beside(self.town.place(corner), _DOOR_M, self.random.uniform(0, 2 * math.pi))


def _beside(place: Place, metres: float, angle: float) -> Place:
    return place[0] + metres * math.cos(angle), place[1] + metres * math.sin(angle)
