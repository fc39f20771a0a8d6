"""What must hold for every track: the same from a snapshot, with duplicates, and whatever the numbers are."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mobility import Event, EventKind, Staypoint
from itrack.trajectory.device_logic import DeviceLogic
from itrack.trajectory.rules import Rules
from tests.trajectory.tracks import DEVICE, NOON, fix

RULES = Rules()

legs = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 5, 30, 120, 400, 4000]),  # seconds since the fix before
        st.sampled_from([0.0, 3.0, 30.0, 70.0, 250.0, 2000.0, 90_000.0]),  # metres
        st.sampled_from([-1, 1]),
        st.sampled_from([None, 8.0, 40.0, 900.0]),  # accuracy
        st.sampled_from(["", "", "", "", "old clock", "ahead", "late"]),
    ),
    max_size=60,
)


def track(steps: list[tuple[int, float, int, float | None, str]]) -> list[Fix]:
    second, north_m, fixes = 0, 0.0, []
    for number, (pause_s, metres, direction, accuracy_m, trouble) in enumerate(steps):
        second += pause_s
        north_m = max(-3e6, min(3e6, north_m + direction * metres))
        one = fix(second, north_m, number=number, accuracy_m=accuracy_m)
        if trouble == "old clock":
            one = replace(one, fixed_at=datetime(1964, 1, 1, tzinfo=UTC))
        elif trouble == "ahead":
            one = replace(one, fixed_at=one.fixed_at + timedelta(days=30))
        elif trouble == "late":
            one = replace(one, fixed_at=one.fixed_at - timedelta(hours=1))
        fixes.append(one)
    return fixes


def told(fixes: list[Fix], ticks: bool = True, logic: DeviceLogic | None = None) -> list[Event]:
    logic = logic or DeviceLogic(DEVICE, RULES)
    events: list[Event] = []
    for one in fixes:
        if ticks:
            events += logic.on_time(one.server_at)
        events += logic.on_fix(one)
    return events + logic.on_time(NOON + timedelta(days=3650))


@settings(max_examples=150, deadline=None)
@given(legs, st.data())
def test_a_snapshot_at_any_point_changes_nothing(
    steps: list[tuple[int, float, int, float | None, str]], data: st.DataObject
) -> None:
    """A restart from the snapshot gives the events that would have come without it."""
    fixes = track(steps)
    cut = data.draw(st.integers(0, len(fixes)))
    logic = DeviceLogic(DEVICE, RULES)
    events = [event for one in fixes[:cut] for event in logic.on_fix(one)]
    again = DeviceLogic(DEVICE, RULES, logic.snapshot())
    assert again.snapshot() == logic.snapshot()
    events += [event for one in fixes[cut:] for event in again.on_fix(one)]
    assert events == [event for one in [DeviceLogic(DEVICE, RULES)] for each in fixes for event in one.on_fix(each)]


@settings(max_examples=150, deadline=None)
@given(legs, st.lists(st.tuples(st.integers(0, 59), st.integers(0, 10)), max_size=20))
def test_duplicates_change_nothing(
    steps: list[tuple[int, float, int, float | None, str]], repeats: list[tuple[int, int]]
) -> None:
    """Fixes that come again, at once or after others, leave the events as they are."""
    fixes = track(steps)
    doubled = list(fixes)
    for index, later in sorted(repeats, reverse=True):
        if index < len(fixes):
            doubled.insert(min(len(doubled), index + 1 + later), fixes[index])
    assert told(doubled, ticks=False) == told(fixes, ticks=False)


@settings(max_examples=150, deadline=None)
@given(legs)
def test_events_fit_together(steps: list[tuple[int, float, int, float | None, str]]) -> None:
    """Stops start before they end, do not overlap, last the dwell time unless withdrawn; identifiers are unique."""
    events = told(track(steps))
    assert len({event.event_id for event in events}) == len(events)
    stops = {}
    for event in events:
        stop = event.staypoint
        if stop is None:
            continue
        if event.kind is EventKind.STAYPOINT_WITHDRAWN:
            assert stop.staypoint_id in stops
            del stops[stop.staypoint_id]
        else:
            stops[stop.staypoint_id] = stop
    before = None
    for stop in sorted(stops.values(), key=lambda each: each.started_at):
        assert before is None or before <= stop.started_at
        if stop.ended_at is not None:
            assert stop.ended_at - stop.started_at >= timedelta(seconds=RULES.stop_dwell_s)
            before = stop.ended_at
    for event in events:
        if event.trip is not None:
            assert event.trip.started_at < event.trip.ended_at
            assert math.isfinite(event.trip.distance_m)
        if event.gap is not None:
            assert event.gap.started_at < event.gap.ended_at


@settings(max_examples=100, deadline=None)
@given(legs)
def test_stops_known_by_silence_are_those_known_by_fixes(
    steps: list[tuple[int, float, int, float | None, str]],
) -> None:
    """Being told of passing time or not leaves the same stops in the end: ticks only make them known sooner."""
    fixes = track([*steps, (100_000, 3.0, 1, None, ""), (5, 3.0, 1, None, "")])  # no jump is left in doubt

    def last_word(ticks: bool) -> dict[str, Staypoint]:
        logic = DeviceLogic(DEVICE, RULES)
        stops: dict[str, Staypoint] = {}
        for event in told(fixes, ticks=ticks, logic=logic):
            if event.staypoint is not None:
                stops[event.staypoint.staypoint_id] = event.staypoint
                if event.kind is EventKind.STAYPOINT_WITHDRAWN:
                    del stops[event.staypoint.staypoint_id]
        grown = logic.open_staypoint()
        return stops if grown is None else {**stops, grown.staypoint_id: grown}

    assert last_word(ticks=True) == last_word(ticks=False)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            Fix,
            fix_id=st.text(max_size=8),
            device_id=st.just(DEVICE),
            fixed_at=st.datetimes(timezones=st.just(UTC)),
            device_at=st.datetimes(timezones=st.just(UTC)),
            server_at=st.datetimes(timezones=st.just(UTC)),
            latitude_deg=st.floats(),
            longitude_deg=st.floats(),
            accuracy_m=st.none() | st.floats(),
        ),
        max_size=20,
    ),
    st.datetimes(timezones=st.just(UTC)),
)
def test_nothing_that_a_phone_sends_breaks_the_logic(fixes: list[Fix], now: datetime) -> None:
    """NaN, infinite and huge numbers, times of any year, any text: judged, and the state stays readable."""
    logic = DeviceLogic(DEVICE, RULES)
    for one in fixes:
        logic.on_fix(one)
        logic.on_time(now)
        logic = DeviceLogic(DEVICE, RULES, logic.snapshot())


def test_the_state_stays_small_however_long_a_phone_is_watched() -> None:
    """Ten thousand fixes at one place take no more than a few hundred bytes."""
    logic = DeviceLogic(DEVICE, RULES)
    for index in range(10_000):
        logic.on_fix(fix(5 * index, north_m=index % 7, accuracy_m=5))
    assert len(logic.snapshot()) < 600


@pytest.mark.parametrize("change", [lambda raw: raw[:-3], lambda raw: b"\x96\x63" + raw[2:], lambda _raw: b"junk"])
def test_a_snapshot_that_is_not_ours_is_refused(change: object) -> None:
    """A damaged or foreign snapshot is an error with a name, not a wrong state."""
    logic = DeviceLogic(DEVICE, RULES)
    logic.on_fix(fix(0))
    with pytest.raises(SetAside):
        DeviceLogic(DEVICE, RULES, change(logic.snapshot()))  # type: ignore[operator]
    with pytest.raises(SetAside):
        DeviceLogic("main:8", RULES, logic.snapshot())
