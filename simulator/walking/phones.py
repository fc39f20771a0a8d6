"""The kinds of phones that people carry, as awkward as real ones."""

from __future__ import annotations

from enum import StrEnum
from random import Random

from simulator.walking.noise import ErrorHabits
from simulator.walking.outing import Outing
from simulator.walking.phone import Habits, SpeedSource
from simulator.walking.sampling import Sampler, SamplingHabits

__all__ = ["Phone", "draw_phone"]


class Phone(StrEnum):
    """What kind of phone it is.

    `sleeper`: falls silent while still and wakes late; its app is killed now and then.
    `heartbeat`: as a sleeper, but it measures every 3 to 15 minutes while still.
    `dense`: every second or two, always. `steady`: every 5 to 30 seconds, always. `minutely`: every minute, always.
    `thrifty`: rarely while still, with silences of up to half an hour.
    `distance`: whenever its place seems to have changed by 10 to 40 m.
    `visits`: hardly more than once after arriving and once after leaving.
    `dead`: a sleeper that was off for some hours.
    """

    SLEEPER = "sleeper"
    HEARTBEAT = "heartbeat"
    DENSE = "dense"
    STEADY = "steady"
    MINUTELY = "minutely"
    THRIFTY = "thrifty"
    DISTANCE = "distance"
    VISITS = "visits"
    DEAD = "dead"


_SAMPLERS = {
    Phone.DENSE: Sampler.LOGGER,
    Phone.STEADY: Sampler.LOGGER,
    Phone.MINUTELY: Sampler.LOGGER,
    Phone.THRIFTY: Sampler.THRIFTY,
    Phone.DISTANCE: Sampler.DISTANCE,
    Phone.VISITS: Sampler.VISITS,
}
_INTERVALS_S = {Phone.DENSE: (1.0, 2.0), Phone.STEADY: (5.0, 30.0), Phone.MINUTELY: (55.0, 65.0)}


def draw_phone(random: Random, outing: Outing, phone: Phone) -> Habits:
    """Make up a phone of that kind. It measures on foot, on a bicycle and in a car, and its places wander indoors."""
    return Habits(
        sampling=SamplingHabits(
            sampler=_SAMPLERS.get(phone, Sampler.APP),
            interval_s=random.uniform(*_INTERVALS_S.get(phone, (5.0, 15.0))),
            still_after_s=random.uniform(60, 300),
            wakes_after_s=random.uniform(10, 90),
            heartbeat_s=random.uniform(180, 900) if phone is Phone.HEARTBEAT else None,
            distance_m=random.uniform(10, 40) if phone is Phone.DISTANCE else 0.0,
            killed=_killed(random, outing, phone),
        ),
        errors=ErrorHabits(
            outdoors_m=random.uniform(3, 8),
            indoors_m=(random.uniform(8, 18), random.uniform(20, 30)),
            shift_m=random.uniform(0, 12),
            wanders_per_h=random.choice([0.0, 0.2, 0.5]),
            warm_up_m=random.choice([0.0, 15.0, 40.0]),
        ),
        speed_source=random.choices(list(SpeedSource), weights=[5, 3, 2])[0],
        motion_lag_s=random.uniform(0, 60) if random.random() < 0.5 else None,
        battery_pct=random.uniform(50, 100),
    )


def _killed(random: Random, outing: Outing, phone: Phone) -> tuple[tuple[float, float], ...]:
    if phone is Phone.DEAD:
        begin_s = random.uniform(0.1, 0.6) * outing.stays[-1].end_s
        return ((begin_s, begin_s + random.uniform(7200, 21_600)),)
    if phone is not Phone.SLEEPER:
        return ()
    return tuple(
        (walk.begin_s + 0.3 * (walk.end_s - walk.begin_s), walk.begin_s + 0.8 * (walk.end_s - walk.begin_s))
        for walk in outing.walks
        if random.random() < 0.1
    )
