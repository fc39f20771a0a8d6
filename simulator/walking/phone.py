"""What a phone says of an outing: what it measures, and when it has a network. Seconds from a start."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from random import Random

import msgspec

from simulator.walking.noise import ErrorHabits, Errors
from simulator.walking.outing import Outing
from simulator.walking.sampling import SamplingHabits, measuring_times

__all__ = ["Habits", "Reading", "SpeedSource", "draw_habits", "readings", "send_times"]


class SpeedSource(StrEnum):
    """Where the phone's speed comes from: the satellites' signal, the places it measured, or nowhere: it says 0."""

    SIGNAL = "signal"
    PLACES = "places"
    NOWHERE = "nowhere"


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What this phone and its owner do.

    Attributes:
        sampling: when it measures.
        errors: how wrong its places are.
        speed_source: where its speed comes from.
        motion_lag_s: its opinion of whether it moves is so old; None for a phone without one.
        clock_error_s: what its clock is ahead.
        battery_pct: at the start.
        offline: spans (begin, end) without network: it measures, and sends afterwards.
        sends_newest_first: after an offline span it sends what it measures now first, and the buffer later.
    """

    sampling: SamplingHabits = SamplingHabits()
    errors: ErrorHabits = ErrorHabits()
    speed_source: SpeedSource = SpeedSource.SIGNAL
    motion_lag_s: float | None = 0.0
    clock_error_s: float = 0.0
    battery_pct: float = 100.0
    offline: tuple[tuple[float, float], ...] = ()
    sends_newest_first: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: metres on the plane, metres per second, degrees from north; `at_s` by the true clock."""

    at_s: float
    east_m: float
    north_m: float
    accuracy_m: float
    speed_mps: float
    course_deg: float | None
    battery_pct: float
    is_moving: bool | None
    activity: str | None


_ACTIVITIES = {None: "still", "walk": "walking", "bicycle": "on_bicycle", "drive": "in_vehicle"}


def draw_habits(random: Random, outing: Outing) -> Habits:
    """Make up a phone: most are well, some have a wrong clock, lose the network, or have their app killed."""
    length_s = outing.stays[-1].end_s
    killed = [
        (walk.begin_s + 0.3 * (walk.end_s - walk.begin_s), walk.begin_s + 0.8 * (walk.end_s - walk.begin_s))
        for walk in outing.walks
        if random.random() < 0.1
    ]
    offline = []
    for _ in range(round(length_s / 3600)):
        if random.random() < 0.25:
            begin_s = random.uniform(0, length_s)
            offline.append((begin_s, min(begin_s + random.uniform(120, 1500), length_s)))
    return Habits(
        sampling=SamplingHabits(
            interval_s=random.choice([5.0, 10.0, 15.0]),
            still_after_s=random.uniform(90, 240),
            wakes_after_s=random.uniform(10, 60),
            heartbeat_s=300.0 if random.random() < 0.2 else None,
            killed=tuple(killed),
        ),
        errors=ErrorHabits(outdoors_m=random.uniform(3.0, 7.0)),
        clock_error_s=random.choice([-3600.0, 7200.0, -86_400.0 * 7168]) if random.random() < 0.08 else 0.0,
        battery_pct=random.uniform(50, 100),
        offline=tuple(sorted(offline)),
        sends_newest_first=random.random() < 0.3,
    )


def readings(random: Random, outing: Outing, habits: Habits) -> Iterator[Reading]:
    """Everything the phone measures, in order of time."""
    errors = Errors(random, habits.errors, outing.stays)
    last = (-math.inf, math.inf, math.inf)
    for count, (at_s, stay) in enumerate(measuring_times(random, outing, habits.sampling)):
        error_east_m, error_north_m, claimed_m = errors.at(at_s, stay)
        true_east_m, true_north_m = outing.path.place_at(at_s)
        east_m, north_m = true_east_m + error_east_m, true_north_m + error_north_m
        step_m = math.dist((east_m, north_m), last[1:])
        if step_m < habits.sampling.distance_m:
            continue
        velocity = outing.path.velocity_at(at_s)
        speed_mps = {
            SpeedSource.SIGNAL: math.hypot(*velocity) + random.gauss(0, 0.2),
            SpeedSource.PLACES: step_m / (at_s - last[0]) if last[0] >= 0 else 0.0,
            SpeedSource.NOWHERE: 0.0,
        }[habits.speed_source]
        last = (at_s, east_m, north_m)
        lag_s = habits.motion_lag_s
        mode = outing.mode_at(at_s - (lag_s or 0.0))
        yield Reading(
            at_s=at_s,
            east_m=east_m,
            north_m=north_m,
            accuracy_m=round(claimed_m, 1),
            speed_mps=round(max(0.0, speed_mps), 2),
            course_deg=round(math.degrees(math.atan2(*velocity)) % 360, 1) if velocity != (0.0, 0.0) else None,
            battery_pct=round(max(1.0, habits.battery_pct - at_s / 3600 * 3.0 - count * 0.005), 1),
            is_moving=None if lag_s is None else mode is not None,
            activity=None if lag_s is None else _ACTIVITIES[mode],
        )


def send_times(taken: list[Reading], habits: Habits) -> list[tuple[float, Reading]]:
    """When each reading leaves the phone (seconds), in the order of leaving.

    What was measured without network leaves when the network is back, oldest first, a fifth of a second apart; a phone
    that sends the newest first begins with its buffer half a minute later.
    """
    sent: list[tuple[float, int, Reading]] = []
    last_of_span: dict[tuple[float, float], float] = {}
    for count, reading in enumerate(taken):
        span = next(((begin, end) for begin, end in habits.offline if begin <= reading.at_s < end), None)
        leaves_s = reading.at_s
        if span is not None:
            first_s = span[1] + (30.0 if habits.sends_newest_first else 0.0)
            leaves_s = last_of_span.get(span, first_s) + 0.2
            last_of_span[span] = leaves_s
        if sent and not habits.sends_newest_first:
            leaves_s = max(leaves_s, sent[-1][0])
        sent.append((leaves_s, count, reading))
    return [(leaves_s, reading) for leaves_s, _, reading in sorted(sent, key=lambda one: one[:2])]
