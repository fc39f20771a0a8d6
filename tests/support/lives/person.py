"""A made-up person: where they live and work, how they get about, what they do when. Metres on a plane."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import msgspec

from itrack.mobility import Mode

__all__ = ["Path", "Person", "Place", "along", "draw_person", "length_m", "path_between"]

Place = tuple[float, float]
Path = list[Place]

_TOWN_M = 4000.0
_SPEEDS_MPS = {Mode.WALK: 1.25, Mode.BICYCLE: 4.4, Mode.MOTORISED: 9.0}


class Person(msgspec.Struct, kw_only=True):
    """Somebody and their habits. Hours are of the clock on the wall; shares are probabilities of a day.

    Attributes:
        home, work: `work` is None for those who have none.
        places: where else they go, by what it is to them.
        paths: the usual way and another one between two places, in one direction.
        loops: their rounds from home.
        speeds_mps: what they usually do in each mode.
        mode_of: how they usually get from one place to another.
    """

    home: Place
    work: Place | None
    places: dict[str, Place]
    loops: list[Path]
    speeds_mps: dict[Mode, float]
    gets_up_h: float
    vagueness_h: float
    works_h: float
    work_days: set[int]
    home_office: float
    lunches_out: float
    gym_days: set[int]
    strolls: float
    shops: float
    visits: float
    paths: dict[tuple[Place, Place], tuple[Path, Path]] = {}
    mode_of: dict[tuple[Place, Place], Mode] = {}


def draw_person(random: Random) -> Person:
    """Make somebody up: employees of all kinds, some with vague hours, and people without work."""
    home = _somewhere(random, (0.0, 0.0), 0, _TOWN_M)
    has_work = random.random() < 0.85
    work = _somewhere(random, home, *random.choice([(700, 2000), (2000, 9000), (4000, 15_000)])) if has_work else None
    places = {
        "shop": _somewhere(random, home, 250, 900),
        "market": _somewhere(random, home, 800, 2500),
        "gym": _somewhere(random, home, 600, 3000),
        "friend": _somewhere(random, home, 900, 6000),
        "family": _somewhere(random, home, 3000, 25_000),
        "park": _somewhere(random, home, 500, 2500),
    }
    if work is not None:
        places |= {"canteen": _somewhere(random, work, 180, 600), "bistro": _somewhere(random, work, 200, 700)}
    return Person(
        home=home,
        work=work,
        places=places,
        loops=[_loop(random, home) for _ in range(2)],
        speeds_mps={mode: speed * random.gauss(1, 0.08) for mode, speed in _SPEEDS_MPS.items()},
        gets_up_h=random.gauss(7.4, 0.6),
        vagueness_h=random.choice([0.12, 0.25, 0.4, 0.8]),
        works_h=random.choice([6.5, 8.2, 8.5, 9.0]),
        work_days=set(range(5)) if random.random() < 0.7 else set(random.sample(range(6), 4)),
        home_office=random.choice([0.0, 0.0, 0.2, 0.4]),
        lunches_out=random.choice([0.2, 0.7, 0.9]),
        gym_days=set(random.sample(range(6), random.choice([0, 1, 2]))),
        strolls=random.choice([0.0, 0.2, 0.6, 0.95]),
        shops=random.choice([0.2, 0.4, 0.6]),
        visits=random.choice([0.05, 0.15, 0.3]),
    )


def path_between(person: Person, random: Random, start: Place, end: Place, *, is_other: bool) -> Path:
    """Their usual way from one place to another, or their other one; it stays the same once it was made up."""
    key = min(start, end), max(start, end)
    if key not in person.paths:
        person.paths[key] = (_bent(random, *key, 0.12), _bent(random, *key, 0.3))
    path = person.paths[key][int(is_other)]
    return path if start == key[0] else path[::-1]


def length_m(path: Path) -> float:
    """How long a path is."""
    return sum(math.dist(*leg) for leg in pairwise(path))


def along(path: Path, metres: float) -> Place:
    """The point so far along a path; exactly its end there and beyond."""
    if metres >= length_m(path) - 1e-6:
        return path[-1]
    for start, end in pairwise(path):
        leg_m = math.dist(start, end)
        if metres <= leg_m:
            share = metres / leg_m if leg_m else 0.0
            return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
        metres -= leg_m
    return path[-1]


def _bent(random: Random, start: Place, end: Place, bend: float) -> Path:
    """A way with a few corners, off the straight line by up to this share of it."""
    far_m = math.dist(start, end)
    corners = 2 + int(far_m > 1500) + int(far_m > 5000)
    path = [start]
    for number in range(1, corners + 1):
        share = number / (corners + 1)
        off_m = random.uniform(-bend, bend) * far_m
        turned = (-(end[1] - start[1]) / far_m, (end[0] - start[0]) / far_m) if far_m else (0.0, 0.0)
        path.append(
            (
                start[0] + share * (end[0] - start[0]) + off_m * turned[0],
                start[1] + share * (end[1] - start[1]) + off_m * turned[1],
            )
        )
    return [*path, end]


def _loop(random: Random, home: Place) -> Path:
    radius_m, turn = random.uniform(200, 450), random.uniform(0, 2 * math.pi)
    centre = home[0] + radius_m * math.cos(turn), home[1] + radius_m * math.sin(turn)
    corners = [
        (centre[0] - radius_m * math.cos(turn + angle), centre[1] - radius_m * math.sin(turn + angle))
        for angle in (math.pi * share / 4 for share in range(1, 8))
    ]
    return [home, *corners, home]


def _somewhere(random: Random, near: Place, least_m: float, most_m: float) -> Place:
    angle, metres = random.uniform(0, 2 * math.pi), random.uniform(least_m, most_m)
    return near[0] + metres * math.cos(angle), near[1] + metres * math.sin(angle)
