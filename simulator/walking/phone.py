"""What a phone says of an outing: when it measures, how wrong it is, when it has a network. Seconds from a start.

The errors are like those of real phones in town: correlated over a minute (first-order Gauss-Markov), several metres
outdoors, tens of metres indoors, with a rare jump; the accuracy that the phone claims is only loosely right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

import msgspec

from simulator.walking.outing import Outing

__all__ = ["Habits", "Reading", "draw_habits", "readings", "send_times"]

_ERROR_MEMORY_S = 60.0


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What this phone and its owner do.

    Attributes:
        interval_s: between two readings while it moves.
        still_after_s: without motion for so long, the app stops measuring.
        wakes_after_s: motion goes on for so long before the app measures again.
        heartbeat_s: while still it measures so often; None for silence.
        error_m: typical error outdoors, on each axis.
        clock_error_s: what its clock is ahead.
        battery_pct: at the start.
        killed: spans (begin, end) in which the app does not run.
        offline: spans (begin, end) without network: it measures, and sends afterwards.
        sends_newest_first: after an offline span it sends what it measures now first, and the buffer later.
    """

    interval_s: float = 10.0
    still_after_s: float = 150.0
    wakes_after_s: float = 30.0
    heartbeat_s: float | None = None
    error_m: float = 5.0
    clock_error_s: float = 0.0
    battery_pct: float = 100.0
    killed: tuple[tuple[float, float], ...] = ()
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
    is_moving: bool


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
        interval_s=random.choice([5.0, 10.0, 15.0]),
        still_after_s=random.uniform(90, 240),
        wakes_after_s=random.uniform(10, 60),
        heartbeat_s=300.0 if random.random() < 0.2 else None,
        error_m=random.uniform(3.0, 7.0),
        clock_error_s=random.choice([-3600.0, 7200.0, -86_400.0 * 7168]) if random.random() < 0.08 else 0.0,
        battery_pct=random.uniform(50, 100),
        killed=tuple(killed),
        offline=tuple(sorted(offline)),
        sends_newest_first=random.random() < 0.3,
    )


def readings(random: Random, outing: Outing, habits: Habits) -> Iterator[Reading]:
    """Everything the phone measures, in order of time."""
    error_east_m, error_north_m, measured_s = 0.0, 0.0, -math.inf
    for count, at_s in enumerate(_measuring_times(random, outing, habits)):
        is_indoors = any(stay.is_indoors and stay.begin_s <= at_s < stay.end_s for stay in outing.stays)
        sigma_m = random.uniform(15, 30) if is_indoors else habits.error_m
        memory = math.exp(-(at_s - measured_s) / _ERROR_MEMORY_S)
        fresh = math.sqrt(1 - memory * memory) * sigma_m
        error_east_m = memory * error_east_m + fresh * random.gauss(0, 1)
        error_north_m = memory * error_north_m + fresh * random.gauss(0, 1)
        measured_s = at_s
        jump_m = random.uniform(40, 200) if random.random() < (0.03 if is_indoors else 0.005) else 0.0
        angle = random.uniform(0, 2 * math.pi)
        east_m, north_m = outing.path.place_at(at_s)
        velocity = outing.path.velocity_at(at_s)
        true_speed_mps = math.hypot(*velocity)
        yield Reading(
            at_s=at_s,
            east_m=east_m + error_east_m + jump_m * math.cos(angle),
            north_m=north_m + error_north_m + jump_m * math.sin(angle),
            accuracy_m=round(sigma_m * random.uniform(1.2, 3.0), 1),
            speed_mps=round(max(0.0, true_speed_mps + random.gauss(0, 0.2)), 2),
            course_deg=round(math.degrees(math.atan2(*velocity)) % 360, 1) if true_speed_mps > 0 else None,
            battery_pct=round(max(1.0, habits.battery_pct - at_s / 3600 * 3.0 - count * 0.005), 1),
            is_moving=true_speed_mps > 0,
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


def _measuring_times(random: Random, outing: Outing, habits: Habits) -> Iterator[float]:
    now_s = random.uniform(0, habits.interval_s)
    while now_s < outing.stays[-1].end_s:
        stay = next((stay for stay in outing.stays if stay.begin_s <= now_s < stay.end_s), None)
        if stay is not None and now_s >= stay.begin_s + habits.still_after_s:
            wakes_s = stay.end_s + habits.wakes_after_s
            now_s = min(now_s + habits.heartbeat_s, wakes_s) if habits.heartbeat_s else wakes_s
        else:
            now_s += habits.interval_s * random.uniform(0.9, 1.1)
        if now_s < outing.stays[-1].end_s and not any(begin <= now_s < end for begin, end in habits.killed):
            yield now_s
