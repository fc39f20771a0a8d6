"""Made-up days: exact, and as hard as real ones."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from simulator.walking.day import SHORTEST_STOP_S, plan_day
from simulator.walking.outing import Outing, Stay
from simulator.walking.phones import Phone
from simulator.walking.streets import Town
from simulator.walking.walker import spend_day

DAWN = datetime(2026, 5, 4, 5, tzinfo=UTC)


def day_of(seed: int, hours: float = 14) -> Outing:
    return plan_day(Random(seed), Town(), hours * 3600)  # noqa: S311 - a model, not a secret


@given(st.integers(0, 10_000), st.floats(4, 24))
@hypothesis_settings(max_examples=40)
def test_a_day_is_stays_and_ways_in_turn_without_a_hole(seed: int, hours: float) -> None:
    """Every second has a truth, and what counts as a stop lasts as long as a stop must."""
    day = day_of(seed, hours)
    assert (day.stays[0].begin_s, day.stays[-1].end_s) == (0, hours * 3600)
    assert len(day.walks) == len(day.stays) - 1
    for way, (stay, next_stay) in zip(day.walks, pairwise(day.stays), strict=True):
        assert (way.begin_s, way.end_s) == (stay.end_s, next_stay.begin_s)
        assert way.distance_m / (way.end_s - way.begin_s) < 15
    assert all(stay.end_s - stay.begin_s >= SHORTEST_STOP_S - 1e-6 for stay in day.stays)


def reach_m(seed: int, stay: Stay) -> float:
    path = day_of(seed).path
    seconds = range(math.ceil(stay.begin_s), math.floor(stay.end_s), 5)
    return max((math.dist(path.place_at(second), (stay.east_m, stay.north_m)) for second in seconds), default=0.0)


def test_days_have_what_makes_stops_hard_to_find() -> None:
    """Short errands, places to walk about in, the house next door, coming back, rounds, rides and drives."""
    days = {seed: day_of(seed) for seed in range(6)}
    lasted = [stay.end_s - stay.begin_s for day in days.values() for stay in day.stays]
    assert sum(seconds < 300 for seconds in lasted) > 10
    assert sum(seconds > 3600 for seconds in lasted) > 5
    reaches = [reach_m(seed, stay) for seed, day in days.items() for stay in day.stays]
    assert 3 < sum(metres > 12 for metres in reaches) < len(reaches) / 2
    assert max(reaches) < 45
    places = [[(stay.east_m, stay.north_m) for stay in day.stays] for day in days.values()]
    steps = [math.dist(one, next_) for day in places for one, next_ in pairwise(day)]
    assert any(80 <= metres <= 150 for metres in steps)
    assert any(metres == 0 for metres in steps)
    assert any(one == after for day in places for one, after in zip(day, day[2:], strict=False))
    assert {way.mode for day in days.values() for way in day.walks} == {"walk", "bicycle", "drive"}


@pytest.mark.parametrize("phone", Phone)
def test_each_phone_measures_as_its_kind_does(phone: Phone) -> None:
    """The longest silence and the number of fixes tell the kinds apart."""
    walked = spend_day(f"kind-{phone}", DAWN, 14, phone)
    times = [report.point.measured_at for report in walked.reports]
    longest = max(after - one for one, after in pairwise(times))
    fixes, silence = {
        Phone.SLEEPER: ((300, 6000), timedelta(hours=9)),
        Phone.HEARTBEAT: ((300, 6000), timedelta(minutes=17)),
        Phone.DENSE: ((20_000, 60_000), timedelta(seconds=3)),
        Phone.STEADY: ((1500, 12_000), timedelta(seconds=34)),
        Phone.MINUTELY: ((700, 1000), timedelta(seconds=73)),
        Phone.THRIFTY: ((300, 3000), timedelta(minutes=31)),
        Phone.DISTANCE: ((300, 12_000), timedelta(minutes=40)),
        Phone.VISITS: ((10, 200), timedelta(hours=9)),
        Phone.DEAD: ((100, 6000), timedelta(hours=14)),
    }[phone]
    assert fixes[0] <= len(times) <= fixes[1]
    assert longest <= silence
    assert bool(walked.truth.gaps) or phone is not Phone.DEAD


def test_the_same_seed_gives_the_same_day() -> None:
    """A failing accuracy test must be repeatable."""
    assert spend_day("a", DAWN, 6, Phone.THRIFTY) == spend_day("a", DAWN, 6, Phone.THRIFTY)
