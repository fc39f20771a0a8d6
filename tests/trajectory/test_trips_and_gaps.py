"""Trips and gaps: movement that was seen, and movement that was not."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from itrack.mobility import Event, EventKind, Gap, Trip
from tests.trajectory.tracks import NOON, Phone, fix, run, walk


def trips(events: list[Event]) -> list[Trip]:
    """Those that were not withdrawn, in the order in which their last word came."""
    last: dict[str, Event] = {}
    for event in events:
        if event.trip:
            last.pop(event.trip.trip_id, None)
            last[event.trip.trip_id] = event
    return [event.trip for event in last.values() if event.trip and not event.kind.is_withdrawal]


def gaps(events: list[Event]) -> list[Gap]:
    return [event.gap for event in events if event.gap]


def test_a_trip_lies_between_two_stops() -> None:
    """It begins where one staypoint ends, ends where the next starts, and names both."""
    fixes = [
        *[fix(second, 0) for second in range(0, 600, 10)],
        *walk(600, 1600, 7, 1400),
        *[fix(second, 1400) for second in range(1610, 2300, 10)],
    ]
    events = run(fixes)
    (trip,) = trips(events)
    stops = [event.staypoint for event in events if event.staypoint]
    assert trip.from_staypoint_id == stops[0].staypoint_id
    assert trip.to_staypoint_id == stops[-1].staypoint_id
    assert trip.started_at == stops[1].ended_at
    assert trip.ended_at == stops[-1].started_at
    assert trip.distance_m == pytest.approx(1400, abs=130)


def test_jitter_at_a_stop_adds_no_distance() -> None:
    """An hour of fixes that hop 20 m to and fro at the place of arrival leaves the trip as long as the walk."""
    hops = [fix(1000 + 10 * index, 1400 + 20 * (index % 2)) for index in range(360)]
    (trip,) = trips(run([*walk(0, 1000, 0, 1400), *hops]))
    assert trip.distance_m == pytest.approx(1400, abs=65)


def test_silence_and_being_elsewhere_is_a_gap_without_distance() -> None:
    """Ten silent minutes that end 800 m away were neither a stop nor a known way."""
    events = run([*walk(0, 600, 0, 840), *walk(1200, 1800, 1640, 2480)])
    (gap,) = gaps(events)
    assert gap.started_at == NOON + timedelta(seconds=600)
    assert gap.ended_at == NOON + timedelta(seconds=1200)
    assert gap.beeline_m == pytest.approx(800, abs=15)  # between means of ten seconds of walking
    (trip,) = trips(events)
    assert trip.distance_m == pytest.approx(840, abs=15)
    assert trip.to_staypoint_id is None
    assert Counter(event.kind for event in events if event.staypoint) == {
        EventKind.STAYPOINT_STARTED: 1,  # after two silent minutes
        EventKind.STAYPOINT_WITHDRAWN: 1,
    }


def test_the_way_after_a_gap_is_a_trip_of_its_own() -> None:
    """It starts at the first fix after the gap and does not come from the stop before it."""
    phone = Phone()
    events = [event for one in [*walk(0, 600, 0, 840), *walk(1200, 1800, 1640, 2480)] for event in phone.on_fixes(one)]
    events += phone.on_time(NOON + timedelta(days=1))
    after = trips(events)[-1]
    assert after.started_at == NOON + timedelta(seconds=1200)
    assert after.from_staypoint_id is None
    assert after.distance_m == pytest.approx(840, abs=65)


def test_a_night_at_home_is_kept_when_the_phone_wakes_far_away() -> None:
    """Ten silent hours are a stay although the first fix is 2 km off; only the way there is a gap."""
    morning = 10 * 3600
    events = run([*walk(0, 300, 0, 420), *walk(morning, morning + 300, 2420, 2840)])
    stop = next(event.staypoint for event in events if event.staypoint and event.staypoint.ended_at)
    (gap,) = gaps(events)
    assert stop.ended_at == gap.started_at
    assert stop.ended_at is not None
    assert (stop.ended_at - NOON).total_seconds() == pytest.approx(morning - 2000 / 1.4, abs=15)


def test_a_few_steps_aside_are_no_trip() -> None:
    """Two staypoints side by side have no trip between them."""
    fixes = [
        *[fix(second, 0) for second in range(0, 600, 10)],
        *[fix(second, 70) for second in range(610, 1200, 10)],
    ]
    assert trips(run(fixes)) == []
