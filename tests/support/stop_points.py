"""Tiny tracks as POINT records, and somebody who follows the stop finder's news."""

from __future__ import annotations

import copy
import math

import numpy as np

from itrack.trajectory.found import NO_MS
from itrack.trajectory.point import EARTH_RADIUS_M, POINT
from itrack.trajectory.rules import Rules
from itrack.trajectory.stop_state import BEGAN, ENDED, FOUND, GAP, RESUMED, STOP, WITHDRAWN
from itrack.trajectory.stops import due_ms, on_point, on_silence

__all__ = ["NOON_MS", "Listener", "point", "track", "walk"]

NOON_MS = 1_777_896_000_000
_METRES_PER_DEGREE = math.radians(1) * EARTH_RADIUS_M


def point(
    second: float,
    north_m: float = 0.0,
    east_m: float = 0.0,
    *,
    server_second: float | None = None,
    accuracy_m: float = 0.0,
    speed_mps: float = math.nan,
    is_moving: int = -1,
) -> tuple[float, ...]:
    """A point so many seconds after noon, so many metres north and east of 47 N 8 E."""
    at_ms = NOON_MS + round(second * 1000)
    return (
        at_ms,
        at_ms if server_second is None else NOON_MS + round(server_second * 1000),
        at_ms,
        0,
        47 + north_m / _METRES_PER_DEGREE,
        8 + east_m / (_METRES_PER_DEGREE * math.cos(math.radians(47))),
        accuracy_m,
        speed_mps,
        math.nan,
        0,
        is_moving,
        False,
        0,
    )


def walk(from_s: float, to_s: float, from_m: float, to_m: float, every_s: float = 5.0) -> list[tuple[float, ...]]:
    """Points on the way north at constant speed, both ends included; two equal ends are a stay."""
    count = round((to_s - from_s) / every_s)
    return [
        point(from_s + number * every_s, from_m + (to_m - from_m) * number / max(1, count))
        for number in range(count + 1)
    ]


def track(*parts: list[tuple[float, ...]]) -> np.ndarray:
    """The points of all parts as an array."""
    return np.array([one for part in parts for one in part], POINT)


class Listener:
    """Follows one phone and keeps what it is told.

    Attributes:
        stays: end (seconds after noon; None while it lasts) by start.
        gaps: begin, end (seconds after noon) and metres.
        heard: the bits of every call that told something.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules.record()
        self.states = np.zeros(1, STOP)
        self.stop = self.states[0]
        self.stays: dict[float, float | None] = {}
        self.gaps: list[tuple[float, float, float]] = []
        self.heard: list[int] = []

    def take(self, points: np.ndarray) -> Listener:
        """Take points one by one."""
        for one in points:
            self._hear(on_point(self.stop, one, False, self.rules))
        return self

    def waited(self, until_s: float) -> Listener:
        """What is known if no point comes until so many seconds after noon, by the server's clock."""
        other = copy.deepcopy(self)
        other.stop = other.states[0]
        due_s = other.due_s()
        if due_s is not None and due_s <= until_s:
            other._hear(on_silence(other.stop, other.rules))
        return other

    def due_s(self) -> float | None:
        """When silence will tell something, in seconds after noon."""
        due = due_ms(self.stop, self.rules)
        return None if due == NO_MS else (due - NOON_MS) / 1000

    def ended(self) -> list[tuple[float, float]]:
        """Begin and end of the stays that are over, in seconds after noon."""
        return [(start, end) for start, end in sorted(self.stays.items()) if end is not None]

    def _hear(self, told: int) -> None:
        stop = self.stop
        if told:
            self.heard.append(told)
        if told & WITHDRAWN:
            del self.stays[_second(stop["withdrawn_ms"])]
        if told & RESUMED:
            assert self.stays[_second(stop["stay"]["started_ms"])] is not None
            self.stays[_second(stop["stay"]["started_ms"])] = None
        if told & ENDED:
            started_s = _second(stop["left"]["started_ms"])
            assert (started_s in self.stays) is not bool(told & FOUND)
            self.stays[started_s] = _second(stop["left"]["ended_ms"])
        if told & GAP:
            self.gaps.append((_second(stop["gap_from_ms"]), _second(stop["gap_to_ms"]), float(stop["gap_m"])))
        if told & BEGAN:
            assert _second(stop["stay"]["started_ms"]) not in self.stays
            self.stays[_second(stop["stay"]["started_ms"])] = None


def _second(at_ms: int) -> float:
    return (int(at_ms) - NOON_MS) / 1000
