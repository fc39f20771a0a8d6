"""When a phone measures. Seconds from a start."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from random import Random

import msgspec

from simulator.walking.outing import Outing, Stay

__all__ = ["Sampler", "SamplingHabits", "measuring_times"]

_LOOK_S = 2.0
_VISIT_NOTICED_S = (60.0, 240.0)
_FAR_S = 360.0


class Sampler(StrEnum):
    """How the phone decides when to measure.

    `app`: at intervals; without motion it falls silent and wakes late, as the Traccar client does.
    `logger`: at intervals, always.
    `thrifty`: at intervals while it moves, rarely while it does not, with silences of up to half an hour.
    `distance`: whenever the place seems to have changed by so much.
    `visits`: once some minutes after arriving, once on having left, every some minutes far from both, as phones do
        that wait for a significant change of place.
    """

    APP = "app"
    LOGGER = "logger"
    THRIFTY = "thrifty"
    DISTANCE = "distance"
    VISITS = "visits"


class SamplingHabits(msgspec.Struct, frozen=True, kw_only=True):
    """When this phone measures.

    Attributes:
        interval_s: between two readings while it moves.
        still_after_s: without motion for so long, it measures no more or more rarely.
        wakes_after_s: motion goes on for so long before it measures again.
        heartbeat_s: an `app` that is still measures so often; None for silence.
        distance_m: of a `distance` phone; the others measure whether they moved or not.
        killed: spans (begin, end) in which the app does not run.
    """

    sampler: Sampler = Sampler.APP
    interval_s: float = 10.0
    still_after_s: float = 150.0
    wakes_after_s: float = 30.0
    heartbeat_s: float | None = None
    distance_m: float = 0.0
    killed: tuple[tuple[float, float], ...] = ()


def measuring_times(random: Random, outing: Outing, habits: SamplingHabits) -> Iterator[tuple[float, Stay | None]]:
    """Each moment at which the phone measures, and the stay it falls into."""
    length_s = outing.stays[-1].end_s
    stays = iter(outing.stays)
    stay = next(stays)
    now_s = random.uniform(0, habits.interval_s)
    while now_s < length_s:
        while stay.end_s <= now_s and stay is not outing.stays[-1]:
            stay = next(stays)
        here = stay if stay.begin_s <= now_s < stay.end_s else None
        now_s += _pause_s(random, habits, now_s, here, stay)
        if now_s < length_s and not any(begin <= now_s < end for begin, end in habits.killed):
            yield now_s, next((one for one in outing.stays if one.begin_s <= now_s < one.end_s), None)


def _pause_s(random: Random, habits: SamplingHabits, now_s: float, here: Stay | None, next_: Stay) -> float:
    """Seconds until it measures again. `next_` is the stay it is at or walks to."""
    moving_s = habits.interval_s * random.uniform(0.9, 1.1)
    match habits.sampler:
        case Sampler.LOGGER:
            return moving_s
        case Sampler.DISTANCE:
            return _LOOK_S
        case Sampler.VISITS:
            return _visits_pause_s(random, habits, now_s, here, next_)
        case Sampler.APP | Sampler.THRIFTY:
            if here is None or now_s < here.begin_s + habits.still_after_s:
                return moving_s
    wakes_s = here.end_s + habits.wakes_after_s - now_s
    if habits.sampler is Sampler.APP:
        return min(habits.heartbeat_s, wakes_s) if habits.heartbeat_s else wakes_s
    span = random.choices([(30.0, 60.0), (60.0, 300.0), (300.0, 1680.0)], weights=[6, 3, 1])[0]
    return min(random.uniform(*span), wakes_s)


def _visits_pause_s(random: Random, habits: SamplingHabits, now_s: float, here: Stay | None, next_: Stay) -> float:
    if here is None:
        arrives_s = next_.begin_s - now_s + random.uniform(*_VISIT_NOTICED_S)
        return min(_FAR_S * random.uniform(0.8, 1.2), arrives_s)
    noticed_s = here.begin_s + _VISIT_NOTICED_S[1]
    if now_s < here.begin_s + _VISIT_NOTICED_S[0]:
        return random.uniform(noticed_s - now_s - 180.0, noticed_s - now_s)
    return here.end_s + habits.wakes_after_s - now_s
