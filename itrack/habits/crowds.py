"""People in cells: counted here, and left out here where they are too few. Nothing else decides what is published."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median

import msgspec

from itrack.habits.presence import Presence
from itrack.habits.windows import window_of
from itrack.instant import Instant

__all__ = ["Crowd", "Flow", "count_crowds", "count_flows"]

_DWELL_STEP_S = 300


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """People in one H3 cell during one window, never fewer than the least that may be told.

    Attributes:
        people: distinct ones, who stayed there or passed.
        staying: those of them who stayed; None where they are fewer than the least.
        dwell_s: how long these had stayed by the window's end, the median in steps of five minutes; None as `staying`.
    """

    crowd_id: str
    cell: str
    window_started_at: Instant
    window_s: int
    people: int
    staying: int | None
    dwell_s: int | None


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """People who went from one stay to another, by the H3 cells of both and the window in which they left.

    `people` are distinct ones, never fewer than the least that may be told.
    """

    flow_id: str
    from_cell: str
    to_cell: str
    window_started_at: Instant
    window_s: int
    people: int


def count_crowds(
    window_started_at: datetime,
    window_s: int,
    presences: Iterable[Presence],
    passages: Iterable[tuple[str, str]],
    least: int,
) -> list[Crowd]:
    """The crowds of one window, by cell.

    Args:
        window_started_at: a beginning from `windows_between`.
        window_s: its length.
        presences: that overlap it; others are passed over.
        passages: device and cell, of people on the move within it.
        least: a cell with fewer people is left out (k).
    """
    ends_at = window_started_at + timedelta(seconds=window_s)
    people: dict[str, set[str]] = {}
    dwells: dict[str, dict[str, float]] = {}
    for device_id, cell in passages:
        people.setdefault(cell, set()).add(device_id)
    for presence in presences:
        if presence.started_at < ends_at and window_started_at < presence.until_at:
            people.setdefault(presence.cell, set()).add(presence.device_id)
            lasted_s = (min(ends_at, presence.until_at) - presence.started_at).total_seconds()
            of_cell = dwells.setdefault(presence.cell, {})
            of_cell[presence.device_id] = max(lasted_s, of_cell.get(presence.device_id, 0.0))
    crowds = []
    for cell, there in sorted(people.items()):
        if len(there) >= least:
            dwells_s = list(dwells.get(cell, {}).values())
            has_stayers = len(dwells_s) >= least
            crowds.append(
                Crowd(
                    crowd_id=f"{int(window_started_at.timestamp())}:{cell}",
                    cell=cell,
                    window_started_at=window_started_at,
                    window_s=window_s,
                    people=len(there),
                    staying=len(dwells_s) if has_stayers else None,
                    dwell_s=round(median(dwells_s) / _DWELL_STEP_S) * _DWELL_STEP_S if has_stayers else None,
                )
            )
    return crowds


def count_flows(
    window_started_at: datetime, window_s: int, trips: Iterable[tuple[str, datetime, str, str]], least: int
) -> list[Flow]:
    """The flows of one window.

    Args:
        window_started_at: a beginning from `windows_between`.
        window_s: its length.
        trips: device, moment of leaving, cell of the stay that was left, cell of the stay that was reached.
        least: fewer people are left out (k).
    """
    people: dict[tuple[str, str], set[str]] = {}
    for device_id, left_at, from_cell, to_cell in trips:
        if from_cell != to_cell and window_of(left_at, window_s) == window_started_at:
            people.setdefault((from_cell, to_cell), set()).add(device_id)
    return [
        Flow(
            flow_id=f"{int(window_started_at.timestamp())}:{from_cell}:{to_cell}",
            from_cell=from_cell,
            to_cell=to_cell,
            window_started_at=window_started_at,
            window_s=window_s,
            people=len(went),
        )
        for (from_cell, to_cell), went in sorted(people.items())
        if len(went) >= least
    ]
