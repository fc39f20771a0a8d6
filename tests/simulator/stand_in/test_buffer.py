"""The order of processing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.stand_in.buffer import HoldingBuffer
from simulator.stand_in.osmand import Report

reports = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 9)), max_size=40)
"""(device, connection, fix time) in order of arrival."""


@given(reports, st.sampled_from([0, 3000]))
def test_every_report_comes_out_exactly_once(arrivals: list[tuple[int, int, int]], hold_ms: int) -> None:
    """Disorder must not become loss."""
    connections = [object() for _ in range(4)]
    buffer = HoldingBuffer(hold_ms)
    for number, (device, connection, fix_time) in enumerate(arrivals):
        report = Report(unique_id=str(number), is_json=False, time_ms=fix_time)
        buffer.add(report, device, connections[connection], now_ms=number)
    released = [held.report.unique_id for now in range(0, 4000, 100) for held in buffer.release(now)]
    assert sorted(released, key=lambda one: int(one or 0)) == [str(number) for number in range(len(arrivals))]
    assert len(buffer) == 0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40))
def test_one_connection_comes_out_by_fix_time_when_buffered(fix_times: list[int]) -> None:
    """That is what buffering is for."""
    buffer, connection = HoldingBuffer(3000), object()
    for fix_time in fix_times:
        buffer.add(Report(unique_id="p", is_json=False, time_ms=fix_time), 1, connection, now_ms=0)
    assert [held.report.time_ms for held in buffer.release(3000)] == sorted(fix_times)


def test_an_older_report_makes_newer_ones_of_its_device_wait_anew() -> None:
    """Or they would be processed before it."""
    buffer, connection = HoldingBuffer(3000), object()
    buffer.add(Report(unique_id="p", is_json=False, time_ms=10), 1, connection, now_ms=0)
    buffer.add(Report(unique_id="q", is_json=False, time_ms=10), 2, connection, now_ms=0)
    buffer.add(Report(unique_id="p", is_json=False, time_ms=5), 1, connection, now_ms=2000)
    assert [held.device_id for held in buffer.release(3000)] == [2]
    assert [held.report.time_ms for held in buffer.release(5000)] == [5, 10]
