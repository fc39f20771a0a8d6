"""Counts per cell and window."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from itrack.trajectory.cells import CellCounter, CellState
from tests.trajectory.tracks import NOON, fix


def counter(state: CellState) -> CellCounter:
    return CellCounter(300, 9, state)


def test_fixes_and_people_are_counted_apart() -> None:
    """Ten fixes of one phone and one of another are eleven fixes of two people in one cell and window."""
    cells = counter(CellState())
    for second in range(10):
        cells.count(fix(second))
    cells.count(replace(fix(20), device_id="main:8"))
    (part,) = cells.take_touched()
    assert (part.fix_count, len(part.device_ids)) == (11, 2)
    assert part.window_ms == int(NOON.timestamp() * 1000)
    assert cells.take_touched() == []


def test_another_window_and_another_cell_are_counted_apart() -> None:
    """Five minutes later, or kilometres away, is another count."""
    cells = counter(CellState())
    for one in (fix(0), fix(300), fix(1, north_m=5000)):
        cells.count(one)
    assert [part.fix_count for part in cells.take_touched()] == [1, 1, 1]


def test_state_is_bounded_and_a_late_fix_opens_a_part_of_its_own() -> None:
    """Counts that got nothing for two windows are closed; what comes later is told as another part, not instead."""
    state = CellState()
    cells = counter(state)
    cells.count(fix(0))
    (first,) = cells.take_touched()
    for index in range(100):
        cells.count(fix(300 * index + 700, north_m=400 * index))
        cells.take_touched()
    assert len(state.parts) <= 4
    late = replace(fix(5), server_at=NOON + timedelta(hours=9), fix_id="main:late")
    cells.count(late)
    (second,) = cells.take_touched()
    assert (second.cell, second.window_ms) == (first.cell, first.window_ms)
    assert second.opened_ms != first.opened_ms
