"""Crowd surges: many more people in a cell than at that hour of other days."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.robust import Usual, usual
from itrack.habits.rules import HabitRules
from itrack.mobility import Severity

__all__ = ["SURGE_DAYS", "CellHistory", "cell_subject"]

SURGE_DAYS = 28
"""So many days before are looked at."""

_LEAST_DAYS = 7
_Z_LIMIT = 5.0
_LEAST_RATIO = 1.5
_QUIET = timedelta(hours=1)


def cell_subject(cell: str) -> str:
    """How an anomaly names a cell where it would name a phone."""
    return f"cell:{cell}"


class CellHistory:
    """How many people were in one cell, and what is odd about it.

    What was published is what is known: a window without a crowd had fewer than `least` people, and is taken to have
    had one fewer. So nothing is judged by what may not be told, and a surge is told a little late in quiet cells.

    Args:
        people: of the crowds of the cell, by their windows' beginnings.
        counted_since_at: windows before were not counted.
        window_s: length of the windows.
        zone: that the hours are of.
        least: fewer people make no crowd (k).
        rules: how sensitive.
    """

    def __init__(
        self,
        people: Mapping[datetime, int],
        *,
        counted_since_at: datetime,
        window_s: int,
        zone: ZoneInfo,
        least: int,
        rules: HabitRules,
    ) -> None:
        self._people = people
        self._counted_since_at = counted_since_at
        self._window_s = window_s
        self._zone = zone
        self._least = least
        self._scale = rules.scale
        self._most_by_hour: dict[tuple[int, int], int] = {}
        for at, number in people.items():
            hour = self._hour_of(at)
            self._most_by_hour[hour] = max(number, self._most_by_hour.get(hour, 0))

    def surges(self, since_at: datetime) -> list[Odd]:
        """The surges that began since a moment, in order of time: those before which there was none for an hour."""
        told = []
        last_at: datetime | None = None
        for at in sorted(self._people):
            if at < since_at - _QUIET or (odd := self._odd(at)) is None:
                continue
            if at >= since_at and (last_at is None or at - last_at > _QUIET):
                told.append(odd)
            last_at = at
        return told

    def _odd(self, at: datetime) -> Odd | None:
        habit = self._usual(at)
        if habit is None:
            return None
        people = self._people[at]
        z = habit.z(people) / self._scale
        if z < _Z_LIMIT or people < _LEAST_RATIO * habit.median:
            return None
        severity = Severity.HIGH if z >= 3 * _Z_LIMIT else Severity.MEDIUM if z >= 2 * _Z_LIMIT else Severity.LOW
        fewer = f"up to {habit.median:.0f}" if habit.median >= self._least else f"fewer than {self._least}"
        return Odd(
            kind=HabitKind.CROWD_SURGE,
            happened_at=at,
            severity=severity,
            sentence=f"{people} people are in one cell of the map; at this hour {fewer} are usual there.",
            judged_at=at + timedelta(seconds=self._window_s),
        )

    def _usual(self, at: datetime) -> Usual | None:
        """The most people in that hour of each day before; of all days or of the same weekday, whichever is more."""
        day, hour = self._hour_of(at)
        first = self._hour_of(self._counted_since_at)[0] + 1
        days = range(max(first, day - SURGE_DAYS), day)
        if len(days) < _LEAST_DAYS:
            return None
        most = np.array([self._most_by_hour.get((each, hour), self._least - 1) for each in days], float)
        habit = usual(most, 1.0)
        of_weekday = usual(most[(day - np.array(days)) % 7 == 0], 1.0)
        median = max(habit.median, of_weekday.median)
        return Usual(median, max(habit.spread, of_weekday.spread, math.sqrt(median)))

    def _hour_of(self, at: datetime) -> tuple[int, int]:
        """Day and hour by the clock on the wall."""
        local = at.astimezone(self._zone)
        return local.toordinal(), local.hour
