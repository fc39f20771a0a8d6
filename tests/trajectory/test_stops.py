"""Staypoints from fixes and from silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from itrack.mobility import Event, EventKind, Staypoint
from itrack.trajectory.rules import Rules
from tests.trajectory.tracks import NOON, Phone, fix, run, walk


def ended(events: list[Event]) -> list[Staypoint]:
    return [event.staypoint for event in events if event.kind is EventKind.STAYPOINT_ENDED and event.staypoint]


def seconds(staypoint: Staypoint) -> tuple[float, float | None]:
    end = staypoint.ended_at
    return (staypoint.started_at - NOON).total_seconds(), None if end is None else (end - NOON).total_seconds()


def test_a_person_who_stays_five_minutes_has_stopped() -> None:
    """The dwell time makes a staypoint, at the very fix that completes it, and it ends when the person walks on."""
    still = [fix(100 + 10 * index, north_m=140) for index in range(31)]
    events = run([*walk(0, 95, 0, 133), *still, *walk(405, 605, 147, 427)])
    started = next(event for event in events if event.kind is EventKind.STAYPOINT_STARTED)
    assert started.knowable_at <= NOON + timedelta(seconds=100 + 300)
    (stop,) = ended(events)
    start, end = seconds(stop)
    assert 50 <= start <= 100  # the radius is entered up to 60 m before the place
    assert end is not None
    assert 400 <= end <= 450


def test_a_wait_shorter_than_the_dwell_time_is_no_stop() -> None:
    """A red light of a minute and a half is not a stop."""
    still = [fix(100 + 10 * index, north_m=140) for index in range(9)]
    assert ended(run([*walk(0, 95, 0, 133), *still, *walk(190, 490, 147, 567)])) == []


def test_a_walk_past_is_no_stop() -> None:
    """Half an hour of walking has no stop in it, however often the phone reports."""
    assert run(walk(0, 1800, 0, 2520)) == []


def test_hours_of_silence_within_the_radius_are_one_stop() -> None:
    """A phone that is still says nothing: the next fix near the same place means that its owner stayed."""
    events = run([*walk(0, 200, 0, 280), fix(4 * 3600, 285), *walk(4 * 3600 + 60, 4 * 3600 + 360, 350, 770)])
    (stop,) = ended(events)
    start, end = seconds(stop)
    assert start <= 200
    assert end is not None
    assert 4 * 3600 <= end <= 4 * 3600 + 60


def test_waking_up_outside_the_radius_still_ends_the_stop_on_time() -> None:
    """A phone that wakes 150 m from home was at home until the walk of 150 m began."""
    woke = 8 * 3600
    events = run([*walk(0, 200, 0, 280), *walk(woke, woke + 300, 430, 850)])
    (stop,) = ended(events)
    end = seconds(stop)[1]
    assert end == pytest.approx(woke - 150 / 1.2, abs=60)


def test_silence_alone_makes_a_stop_known() -> None:
    """The dwell time after the person came the stop is known although nothing more came."""
    phone = Phone()
    for one in walk(0, 200, 0, 280):
        assert phone.on_fixes(one) == []
    due_ms = phone.fleet.due_ms()
    assert due_ms is not None
    due = datetime.fromtimestamp(due_ms / 1000, UTC)
    assert phone.on_time(due - timedelta(milliseconds=1)) == []
    events = phone.on_time(due + timedelta(seconds=7))
    assert [event.kind for event in events] == [EventKind.TRIP_ENDED, EventKind.STAYPOINT_STARTED]
    stop = events[1].staypoint
    assert stop is not None
    assert events[1].knowable_at == due == stop.started_at + timedelta(seconds=Rules().stop_dwell_s)
    assert stop.started_at >= NOON + timedelta(seconds=200 - 2 * 60 / 1.4)
    assert phone.on_time(NOON + timedelta(days=1)) == []


def test_silence_is_measured_by_the_server_and_not_by_the_phone() -> None:
    """A track of years ago that is replayed now has not been silent for years between two fixes."""
    phone = Phone()
    years_later = 10 * 365 * 86400
    assert phone.on_fixes(fix(0, server_second=years_later)) == []
    assert phone.on_time(NOON + timedelta(seconds=years_later + 119)) == []
    assert phone.on_time(NOON + timedelta(seconds=years_later + 120)) != []


def test_a_stop_that_silence_suggested_is_withdrawn_when_the_walk_arrives_late() -> None:
    """A phone without network is silent and walks: its buffered fixes take the stop back, and the trip goes on."""
    phone = Phone()
    events = [event for one in walk(0, 600, 0, 840) for event in phone.on_fixes(one)]
    events += phone.on_time(NOON + timedelta(seconds=1000))
    suggested = next(event.staypoint for event in events if event.kind is EventKind.STAYPOINT_STARTED)
    for one in walk(605, 1200, 847, 1680):
        events += phone.on_fixes(one)
    withdrawn = next(event.staypoint for event in events if event.kind is EventKind.STAYPOINT_WITHDRAWN)
    assert suggested is not None
    assert withdrawn is not None
    assert withdrawn.staypoint_id == suggested.staypoint_id
    events += phone.on_time(NOON + timedelta(days=1))
    trips = [event.trip for event in events if event.trip]
    assert len({trip.trip_id for trip in trips}) == 1
    assert trips[-1].distance_m == pytest.approx(1680, abs=65)


def test_the_centre_is_right_at_the_date_line() -> None:
    """A stop across 180 degrees of longitude has its centre there and not in Africa."""
    places = [179.9999, -179.9999, 179.9998, -179.9998]
    fixes = [replace(fix(100 * index), longitude_deg=places[index % 4]) for index in range(8)]
    phone = Phone()
    for one in fixes:
        phone.on_fixes(one)
    stop = phone.staypoint
    assert stop is not None
    assert abs(stop.longitude_deg) > 179.999


def test_vague_fixes_that_jump_between_two_masts_are_one_stop() -> None:
    """Fixes that claim an error of 35 m and alternate between places 86 m apart show a person who stays."""
    fixes = [fix(120 * index, north_m=86.0 * (index % 2), accuracy_m=35) for index in range(30)]
    (event,) = run(fixes)
    assert event.kind is EventKind.STAYPOINT_STARTED


def test_the_plain_rule_ends_a_stop_with_the_first_fix_outside() -> None:
    """`Rules.plain` is the sliding rule of the literature: no silence rule, no dating of departures."""
    fixes = [fix(0), fix(100, 10), fix(5000, 5000), fix(5100, 6000)]
    (stop,) = ended(run(fixes, Rules.plain(stop_radius_m=60, stop_dwell_s=300)))
    assert seconds(stop) == (0, 5000)
