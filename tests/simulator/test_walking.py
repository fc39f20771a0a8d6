"""Made-up people: their truth is exact, and their phones fail as phones do."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from itrack.settings import Settings
from simulator.simulate import make_crowd, simulate
from simulator.stand_in import StandIn
from simulator.walking.path import Knot, Path, degrees_of
from simulator.walking.phone import Habits
from simulator.walking.sampling import SamplingHabits
from simulator.walking.walker import CENTRE, Walked, walk
from tests.simulator.conftest import wait_until

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
PLAIN = Habits()

seeds = st.integers(0, 10_000).map(str)
hours = st.floats(0.5, 8)


def metres_between(walked: Walked, number: int) -> float:
    stop, next_stop = walked.truth.stops[number : number + 2]
    north = math.radians(next_stop.latitude_deg - stop.latitude_deg) * 6_371_000
    east = math.radians(next_stop.longitude_deg - stop.longitude_deg) * 6_371_000
    return math.hypot(north, east * math.cos(math.radians(CENTRE[0])))


@given(seeds, hours)
@hypothesis_settings(max_examples=40, deadline=None)
def test_truth_is_stops_and_trips_in_turn_without_a_hole(seed: str, length_h: float) -> None:
    """Accuracy can only be measured against a truth that covers every second."""
    truth = walk(seed, NOON, length_h).truth
    assert (truth.stops[0].began_at, truth.stops[-1].ended_at) == (NOON, NOON + timedelta(hours=length_h))
    assert len(truth.trips) == len(truth.stops) - 1
    for trip, (stop, next_stop) in zip(truth.trips, pairwise(truth.stops), strict=True):
        assert (trip.began_at, trip.ended_at) == (stop.ended_at, next_stop.began_at)
        assert 0.5 < trip.distance_m / (trip.ended_at - trip.began_at).total_seconds() < 2.0
    assert all(stop.ended_at - stop.began_at >= timedelta(minutes=8) for stop in truth.stops)
    for gap in truth.gaps:
        assert any(trip.began_at <= gap.began_at < gap.ended_at <= trip.ended_at for trip in truth.trips)


@given(seeds)
@hypothesis_settings(max_examples=15, deadline=None)
def test_ways_follow_streets_so_they_are_longer_than_the_crow_flies(seed: str) -> None:
    """A straight line between stops would make distances too easy."""
    walked = walk(seed, NOON, 4)
    for number, trip in enumerate(walked.truth.trips):
        straight_m = metres_between(walked, number)
        assert straight_m <= trip.distance_m + 1 <= straight_m * 2 + 100


@given(seeds, hours)
@hypothesis_settings(max_examples=40, deadline=None)
def test_reports_leave_in_order_after_they_were_measured_and_none_comes_from_a_gap(seed: str, length_h: float) -> None:
    """A phone cannot send what it has not measured, nor measure while its app is dead."""
    walked = walk(seed, NOON, length_h)
    assert [report.due_s for report in walked.reports] == sorted(report.due_s for report in walked.reports)
    error = timedelta(seconds=walked.truth.clock_error_s)
    for report in walked.reports:
        measured_at = report.point.measured_at - error
        assert measured_at <= NOON + timedelta(seconds=report.due_s + 0.001)
        assert not any(gap.began_at < measured_at < gap.ended_at for gap in walked.truth.gaps)


def test_the_same_seed_gives_the_same_outing_and_another_gives_another() -> None:
    """A failing accuracy test must be repeatable."""
    assert walk("a", NOON, 2) == walk("a", NOON, 2)
    assert walk("a", NOON, 2).reports != walk("b", NOON, 2).reports


def test_a_phone_falls_silent_at_a_long_stop_and_wakes_late() -> None:
    """Stops must be found from the absence of fixes."""
    walked = walk("quiet", NOON, 6, habits=PLAIN)
    for stop in walked.truth.stops[:-1]:
        during = [
            one.point.measured_at
            for one in walked.reports
            if stop.began_at + timedelta(seconds=PLAIN.sampling.still_after_s + 20)
            < one.point.measured_at
            < stop.ended_at
        ]
        assert during == []
    first_after = min(
        one.point.measured_at for one in walked.reports if one.point.measured_at > walked.truth.trips[0].began_at
    )
    assert first_after - walked.truth.trips[0].began_at >= timedelta(seconds=PLAIN.sampling.wakes_after_s)


def test_a_phone_without_network_sends_its_buffer_late_and_loses_nothing() -> None:
    """Oldest first by default; a phone that prefers the newest sends the buffer out of order."""
    plain = walk("net", NOON, 2, habits=PLAIN)
    trip = plain.truth.trips[0]
    begin_s, length_s = (trip.began_at - NOON).total_seconds(), (trip.ended_at - trip.began_at).total_seconds()
    offline = ((begin_s + 0.2 * length_s, begin_s + 0.7 * length_s),)
    late = walk("net", NOON, 2, habits=Habits(offline=offline))
    newest = walk("net", NOON, 2, habits=Habits(offline=offline, sends_newest_first=True))
    measured = [report.point for report in plain.reports]
    assert [report.point for report in late.reports] == measured
    assert max(report.due_s - (report.point.measured_at - NOON).total_seconds() for report in late.reports) > 120
    order = [report.point for report in newest.reports]
    assert order != measured
    assert sorted(order, key=lambda point: point.measured_at) == measured


def test_a_wrong_clock_shifts_every_fix_and_the_truth_says_by_how_much() -> None:
    """Tests can undo it."""
    right, wrong = walk("c", NOON, 1, habits=PLAIN), walk("c", NOON, 1, habits=Habits(clock_error_s=-3600))
    shifts = {b.point.measured_at - a.point.measured_at for a, b in zip(right.reports, wrong.reports, strict=True)}
    assert shifts == {timedelta(hours=-1)}
    assert wrong.truth.clock_error_s == -3600


def test_errors_are_metres_outdoors_larger_indoors_and_hang_together() -> None:
    """White noise would be too easy to smooth away."""
    outdoors, indoors, steps = [], [], []
    for number in range(30):
        walked = walk(f"e{number}", NOON, 3, habits=Habits(sampling=SamplingHabits(still_after_s=600)))
        for one, after in pairwise(walked.reports):
            at = one.point.measured_at
            stop = next((s for s in walked.truth.stops if s.began_at <= at < s.ended_at), None)
            if stop is None or after.point.measured_at >= stop.ended_at:
                continue
            error = (one.point.latitude_deg - stop.latitude_deg) * 111_195
            (indoors if stop.is_indoors else outdoors).append(error)
            if not stop.is_indoors:
                steps.append((after.point.latitude_deg - one.point.latitude_deg) * 111_195)

    def typical(values: list[float]) -> float:
        return sorted(abs(value) for value in values)[len(values) // 2] / 0.6745

    assert 3 < typical(outdoors) < 7
    assert 12 < typical(indoors) < 32
    assert typical(steps) < 0.8 * math.sqrt(2) * typical(outdoors)


def test_the_battery_only_falls() -> None:
    """A battery that rises by itself is a bug in the model."""
    levels = [report.point.battery_pct or 0 for report in walk("b", NOON, 6, habits=PLAIN).reports]
    assert levels == sorted(levels, reverse=True)
    assert 0 < levels[-1] < levels[0] <= 100


def test_a_crowd_has_phones_of_every_kind() -> None:
    """An accuracy test on well-behaved phones only would flatter."""
    crowd = make_crowd(120, 4, seed=3, now=NOON, speed=60)
    truths = crowd.truths.values()
    assert any(truth.gaps for truth in truths)
    assert any(truth.clock_error_s for truth in truths)
    out_of_order = Counter(
        any(b.point.measured_at < a.point.measured_at for a, b in pairwise(plan)) for plan in crowd.plans.values()
    )
    assert out_of_order[True] > 0
    honest = [
        planned.point.measured_at
        for unique_id, plan in crowd.plans.items()
        if crowd.truths[unique_id].clock_error_s == 0
        for planned in plan
    ]
    assert NOON - timedelta(hours=4) <= min(honest) <= max(honest) <= NOON + timedelta(hours=4 / 60)


@pytest.mark.parametrize("at_s", [-5.0, 0.0, 5.0, 10.0, 15.0, 25.0])
def test_a_path_is_straight_between_knots_and_waits_where_they_repeat(at_s: float) -> None:
    """The truth at any second is a plain interpolation."""
    path = Path([Knot(0, 0, 0), Knot(10, 20, 0), Knot(20, 20, 0)])
    assert path.place_at(at_s) == (min(max(at_s * 2, 0), 20), 0)
    assert path.velocity_at(at_s) == ((2, 0) if 0 <= at_s < 10 else (0, 0))


def test_a_metre_on_the_plane_is_a_metre_on_the_map() -> None:
    """East is shortened by latitude."""
    latitude, longitude = degrees_of((60.0, 10.0), 1000.0, 1000.0)
    assert (latitude - 60) * 111_195 == pytest.approx(1000, abs=0.1)
    assert (longitude - 10) * 111_195 * 0.5 == pytest.approx(1000, abs=0.1)


def test_a_simulated_crowd_arrives_whole_at_traccar(traccar: StandIn, towards: Settings) -> None:
    """Every made-up report is accepted and stored, late ones too."""
    crowd = make_crowd(5, 1.0, seed=1, now=datetime.now(UTC), speed=3600)
    result = simulate(crowd, towards)
    planned = sum(len(plan) for plan in crowd.plans.values())
    assert (result.delivery.accepted, result.delivery.unsent, result.registration.created) == (planned, 0, 5)
    wait_until(lambda: len(traccar.stored_positions()) >= planned)
    assert len(traccar.stored_positions()) == planned
    assert result.truths == crowd.truths
