"""People are counted by cells, and never told of where they are few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from itrack.habits.crowds import count_crowds, count_flows
from itrack.habits.presence import Presence
from itrack.habits.windows import window_of, windows_between

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW_S, LEAST = 300, 5
CELLS = ("cell-a", "cell-b", "cell-c")
people = st.integers(0, 12).map("main:{}".format)
minutes = st.integers(-60, 60)


@st.composite
def presences(draw: st.DrawFn) -> Presence:
    began = draw(minutes)
    device_id = draw(people)
    return Presence(
        staypoint_id=f"{device_id}:{began}",
        device_id=device_id,
        cell=draw(st.sampled_from(CELLS)),
        started_at=AT + timedelta(minutes=began),
        until_at=AT + timedelta(minutes=began + draw(st.integers(1, 90))),
    )


@given(st.lists(presences(), max_size=40), st.lists(st.tuples(people, st.sampled_from(CELLS)), max_size=30))
def test_crowds_are_distinct_people_and_never_fewer_than_k(
    there: list[Presence], passages: list[tuple[str, str]]
) -> None:
    """Each cell with k people or more is told of with their number, each other one is not; nobody is named."""
    crowds = count_crowds(AT, WINDOW_S, there, passages, LEAST)
    ends_at = AT + timedelta(seconds=WINDOW_S)
    for cell in CELLS:
        staying = {
            each.device_id for each in there if each.cell == cell and each.started_at < ends_at and each.until_at > AT
        }
        everybody = staying | {device for device, of in passages if of == cell}
        told = [crowd for crowd in crowds if crowd.cell == cell]
        assert len(told) == (len(everybody) >= LEAST)
        for crowd in told:
            assert crowd.people == len(everybody)
            assert crowd.staying == (len(staying) if len(staying) >= LEAST else None)
            assert (crowd.dwell_s is None) == (crowd.staying is None)
    assert b"main:" not in msgspec.json.encode(crowds)


@given(
    st.lists(st.tuples(people, minutes, st.sampled_from(CELLS), st.sampled_from(CELLS)), max_size=60), st.integers(2, 6)
)
def test_flows_are_distinct_people_and_never_fewer_than_k(went: list[tuple[str, int, str, str]], least: int) -> None:
    """Whoever went twice counts once, who stayed in a cell went nowhere, and few people make no flow."""
    trips = [(device, AT + timedelta(minutes=minute), start, end) for device, minute, start, end in went]
    flows = count_flows(AT, WINDOW_S, trips, least)
    for flow in flows:
        goers = {
            device
            for device, at, start, end in trips
            if (start, end) == (flow.from_cell, flow.to_cell) and window_of(at, WINDOW_S) == AT
        }
        assert flow.people == len(goers) >= least
        assert flow.from_cell != flow.to_cell
    assert b"main:" not in msgspec.json.encode(flows)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.integers(1, 100_000))  # noqa: DTZ001
def test_windows_follow_each_other_without_overlap(naive: datetime, seconds: int) -> None:
    """Each moment is in exactly one window, whatever span is asked for."""
    at = naive.replace(tzinfo=UTC)
    windows = list(windows_between(at, at + timedelta(seconds=seconds), WINDOW_S))
    assert windows[0] <= at < windows[0] + timedelta(seconds=WINDOW_S)
    assert windows == [windows[0] + timedelta(seconds=WINDOW_S * number) for number in range(len(windows))]
    assert windows[-1] < at + timedelta(seconds=seconds) <= windows[-1] + timedelta(seconds=WINDOW_S)
