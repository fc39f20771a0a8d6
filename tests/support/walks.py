"""Ways of exactly known length, and what a receiver would say of them. Pure and seeded; metres on a plane, seconds."""

from __future__ import annotations

import math
from enum import StrEnum
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.walking.path import Knot, Path, degrees_of
from simulator.walking.streets import Town

POINT = np.dtype(
    [
        ("at_ms", "i8"),
        ("server_ms", "i8"),
        ("fix_no", "i8"),
        ("latitude_deg", "f8"),
        ("longitude_deg", "f8"),
        ("accuracy_m", "f4"),
        ("speed_mps", "f4"),
        ("battery_pct", "f4"),
        ("activity", "i1"),
        ("is_moving", "i1"),
    ],
    align=True,
)
ZURICH = (47.3769, 8.5417)
NOON_MS = 1_777_896_000_000


class Kind(StrEnum):
    """What kind of way it is."""

    STREET = "street"  # 1 to 3 km on foot, corners every 50 to 200 m, waits at lights
    PARK = "park"  # 1 to 3 km on foot, in curves of 25 to 120 m radius
    SHORT = "short"  # 100 to 300 m on foot along streets
    RUN = "run"
    BICYCLE = "bicycle"
    CAR = "car"
    LAPS = "laps"  # running on a track of 400 m
    STILL = "still"  # an hour in one place


_ALONG_STREETS = {  # length, pace, blocks, share of corners with a wait at lights
    Kind.STREET: ((1000, 3000), (1.1, 1.6), (50, 200), 0.3),
    Kind.SHORT: ((100, 300), (1.1, 1.6), (50, 200), 0.3),
    Kind.RUN: ((3000, 6000), (2.5, 3.8), (50, 200), 0.1),
    Kind.BICYCLE: ((4000, 8000), (4.0, 6.5), (80, 400), 0.2),
}


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """How wrong fixes are.

    Attributes:
        sigma_m: standard deviation on each axis.
        memory: what of an error is left at the next fix, or after a second (first-order Gauss-Markov); 0 for white.
        is_per_second: `memory` is per second.
        grain_m: more white noise.
        outlier_share: so many fixes jump by `outlier_m` and back.
        claim: the claimed accuracy is so many times sigma, 1 to 3 times as much again; 0 for none.
    """

    sigma_m: float = 0.0
    memory: float = 0.0
    is_per_second: bool = False
    grain_m: float = 0.0
    outlier_share: float = 0.02
    outlier_m: float = 50.0
    claim: float = 0.0


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """Fixes of a way, the way's true length from the first to the last of them, and which are outliers."""

    points: NDArray[Any]
    true_m: float
    outlier_nos: frozenset[int]

    @property
    def raw_m(self) -> float:
        """Length of the steps from fix to fix."""
        north_m = np.radians(self.points["latitude_deg"]) * 6_371_008.8
        shrunk = np.cos(np.radians(self.points["latitude_deg"][0]))
        east_m = np.radians(self.points["longitude_deg"]) * 6_371_008.8 * shrunk
        return float(np.hypot(np.diff(north_m), np.diff(east_m)).sum())


def seeded(*parts: object) -> Random:
    """A random generator for these words and numbers."""
    return Random("/".join(str(part) for part in parts))  # noqa: S311 - a model, not a secret


def way(random: Random, kind: Kind) -> Path:
    """Make up a way."""
    if kind is Kind.PARK:
        return _curves(random, random.uniform(1000, 3000), random.uniform(1.1, 1.6))
    if kind is Kind.CAR:
        return _drive(random, random.uniform(6000, 12_000))
    if kind is Kind.LAPS:
        return _laps(10, random.uniform(2.8, 3.8))
    if kind is Kind.STILL:
        return stay(3600)
    length_m, pace_mps, block_m, waits = _ALONG_STREETS[kind]
    return _streets(random, random.uniform(*length_m), random.uniform(*pace_mps), block_m, waits)


def stay(seconds: float) -> Path:
    """Stay where one is."""
    return Path([Knot(0.0, 0.0, 0.0), Knot(seconds, 0.0, 0.0)])


def joined(*paths: Path) -> Path:
    """One way after the other, each beginning where the one before ended."""
    knots = [Knot(0.0, 0.0, 0.0)]
    for path in paths:
        first, last = path.knots[0], knots[-1]
        knots += [
            Knot(
                last.at_s + knot.at_s - first.at_s,
                last.east_m + knot.east_m - first.east_m,
                last.north_m + knot.north_m - first.north_m,
            )
            for knot in path.knots
        ]
    return Path(knots)


def recorded(
    random: Random,
    path: Path,
    interval_s: float,
    errors: Errors,
    *,
    centre: tuple[float, float] = ZURICH,
    turned_rad: float = 0.0,
) -> Recording:
    """Fixes along a way, `interval_s` apart, give or take a twentieth."""
    first, last = path.knots[0].at_s, path.knots[-1].at_s
    times = [
        round(min(first + (number + random.uniform(0.0, 0.05)) * interval_s, last), 3)
        for number in range(int((last - first) / interval_s) + 1)
    ]
    points = np.zeros(len(times), POINT)
    outlier_nos = set()
    error = complex(random.gauss(0, errors.sigma_m), random.gauss(0, errors.sigma_m))
    turn = complex(math.cos(turned_rad), math.sin(turned_rad))
    for number, at_s in enumerate(times):
        seconds = at_s - times[number - 1] if number else 0.0
        memory = errors.memory**seconds if errors.is_per_second else errors.memory
        if number:
            fresh_m = errors.sigma_m * math.sqrt(1 - memory * memory)
            error = memory * error + complex(random.gauss(0, fresh_m), random.gauss(0, fresh_m))
        place = complex(*path.place_at(at_s)) + error
        place += complex(random.gauss(0, errors.grain_m), random.gauss(0, errors.grain_m))
        angle = random.uniform(0, 2 * math.pi)
        if random.random() < errors.outlier_share:
            place += errors.outlier_m * complex(math.cos(angle), math.sin(angle))
            outlier_nos.add(number)
        place *= turn
        latitude_deg, longitude_deg = degrees_of(centre, place.real, place.imag)
        points[number]["at_ms"] = points[number]["server_ms"] = NOON_MS + round(at_s * 1000)
        points[number]["fix_no"] = number
        points[number]["latitude_deg"] = latitude_deg
        points[number]["longitude_deg"] = (longitude_deg + 180.0) % 360.0 - 180.0
        points[number]["accuracy_m"] = errors.claim * errors.sigma_m * random.uniform(1.0, 3.0)
        points[number]["speed_mps"] = points[number]["battery_pct"] = math.nan
        points[number]["is_moving"] = -1
    return Recording(points=points, true_m=_length_m(path, times[0], times[-1]), outlier_nos=frozenset(outlier_nos))


def recordings(kind: Kind, interval_s: float, errors: Errors, *, count: int, seed: str) -> list[Recording]:
    """Some recordings of one sort. The same arguments give the same ones."""
    made = []
    for number in range(count):
        random = seeded(seed, kind, interval_s, errors, number)
        made.append(recorded(random, way(random, kind), interval_s, errors))
    return made


def _length_m(path: Path, from_s: float, to_s: float) -> float:
    places = [
        path.place_at(from_s),
        *((knot.east_m, knot.north_m) for knot in path.knots if from_s < knot.at_s < to_s),
        path.place_at(to_s),
    ]
    return sum(math.dist(start, end) for start, end in pairwise(places))


def _streets(random: Random, length_m: float, pace_mps: float, block_m: tuple[float, float], waits: float) -> Path:
    town = Town(
        block_m=(random.uniform(*block_m), random.uniform(*block_m)),
        turned_rad=random.uniform(0, math.pi),
        size_blocks=30,
    )
    corner = (0, 0)
    knots = [Knot(0.0, *town.place(corner))]
    rest_m = length_m
    while rest_m > 0:
        for next_corner in town.way(random, corner, town.destination(random, corner))[1:]:
            last, place = knots[-1], town.place(next_corner)
            leg_m = math.dist((last.east_m, last.north_m), place)
            share = min(1.0, rest_m / leg_m)
            at_s = last.at_s + share * leg_m / (pace_mps * random.uniform(0.92, 1.08))
            east_m = last.east_m + share * (place[0] - last.east_m)
            north_m = last.north_m + share * (place[1] - last.north_m)
            knots.append(Knot(at_s, east_m, north_m))
            rest_m -= leg_m
            if rest_m <= 0:
                break
            if random.random() < waits:
                knots.append(Knot(at_s + random.uniform(8, 50), east_m, north_m))
            corner = next_corner
    return Path(knots)


def _curves(random: Random, length_m: float, pace_mps: float) -> Path:
    place, heading = 0j, random.uniform(0, 2 * math.pi)
    curve = wanted = left_m = 0.0
    knots = [Knot(0.0, 0.0, 0.0)]
    for metre in range(1, int(length_m)):
        if left_m <= 0:
            left_m = random.uniform(30, 120)
            wanted = random.choice([-1, 1]) / random.uniform(25, 120) if random.random() < 0.8 else 0.0
        left_m -= 1
        curve += (wanted - curve) / 10
        heading += curve
        place += complex(math.cos(heading), math.sin(heading))
        knots.append(Knot(metre / pace_mps, place.real, place.imag))
    return Path(knots)


def _laps(laps: int, pace_mps: float) -> Path:
    straight_m, radius_m = 84.39, 36.8
    knots = []
    for metre in range(laps * 400):
        along_m = metre % 400
        half, along_m = (0, along_m) if along_m < 200 else (1, along_m - 200)
        angle = max(0.0, along_m - straight_m) / radius_m
        place = complex(min(along_m, straight_m) + radius_m * math.sin(angle), radius_m - radius_m * math.cos(angle))
        if half:
            place = complex(straight_m, 2 * radius_m) - place
        knots.append(Knot(metre / pace_mps, place.real, place.imag))
    return Path(knots)


def _drive(random: Random, length_m: float) -> Path:
    knots, at_s, place, heading, speed_mps, done_m = [Knot(0.0, 0.0, 0.0)], 0.0, 0j, 0.0, 0.0, 0.0
    while done_m < length_m:
        leg_m, most_mps = random.uniform(150, 800), random.uniform(9, 16)
        stops, turns = random.random() < 0.35, random.random() < 0.6
        end_mps = 0.0 if stops else 5.0 if turns else most_mps
        along_m = 0.0
        while along_m < leg_m:
            braking_mps = math.sqrt(end_mps**2 + 2 * 2.2 * (leg_m - along_m))
            speed_mps = max(min(speed_mps + 0.9, most_mps, braking_mps), 0.6)
            step_m = min(speed_mps / 2, leg_m - along_m + 1e-6)
            along_m += step_m
            at_s += step_m / speed_mps
            place += step_m * complex(math.cos(heading), math.sin(heading))
            knots.append(Knot(at_s, place.real, place.imag))
        done_m += leg_m
        if stops:
            at_s += random.uniform(10, 60)
            knots.append(Knot(at_s, place.real, place.imag))
            speed_mps = 0.0
        if turns:
            heading += random.choice([-1, 1]) * random.uniform(1.0, 1.9)
    return Path(knots)
