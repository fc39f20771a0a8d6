"""From what a file says of a point to a `TrackPoint`, or to a sentence about why not. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from simulator.tracks import Problem, Track, TrackFile, TrackPoint

__all__ = ["Collector", "time_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_SECONDS = 1e11
_OPTIONAL = ("altitude_m", "speed_mps", "course_deg", "accuracy_m", "battery_pct")


class Collector:
    """Gathers points by track and problems by place, while a reader goes through a file.

    Args:
        file_name: begins every problem's `where`.
    """

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self._points: dict[str, list[TrackPoint]] = {}
        self._problems: list[Problem] = []

    def add(self, track: str, where: str, said: Mapping[str, object]) -> None:
        """Take one point.

        Args:
            track: its track's name.
            where: line or element, for people.
            said: `time`, `latitude`, `longitude` and the optional fields of `TrackPoint`, as text or numbers.
        """
        problem = self._add(track, where, said)
        if problem is not None:
            self.complain(where, *problem)

    def complain(self, where: str, reason: str, sentence: str) -> None:
        """Note a problem."""
        place = f"{self._file_name}, {where}" if where else self._file_name
        self._problems.append(Problem(where=place, reason=reason, sentence=f"{place}: {sentence}"))

    def done(self) -> TrackFile:
        """Everything gathered, each track in order of time."""
        tracks = (
            Track(name=name, points=tuple(sorted(points, key=lambda point: point.measured_at)))
            for name, points in self._points.items()
        )
        return TrackFile(tracks=tuple(tracks), problems=tuple(self._problems))

    def _add(self, track: str, where: str, said: Mapping[str, object]) -> tuple[str, str] | None:
        if _is_absent(said.get("time")):
            return "no_time", "a point without a time was left out."
        measured_at = time_of(said["time"])
        if measured_at is None:
            return "unreadable_time", f"the time {_shown(said['time'])} cannot be read; the point was left out."
        place: list[float] = []
        for name, limit in (("latitude", 90.0), ("longitude", 180.0)):
            if _is_absent(said.get(name)):
                return "no_coordinates", f"a point without a {name} was left out."
            number = _number(said[name])
            if number is None:
                return f"{name}_not_a_number", f"the {name} {_shown(said[name])} is no number; the point was left out."
            if not -limit <= number <= limit:
                return f"{name}_out_of_range", f"the {name} {number} lies beyond {limit:.0f}; the point was left out."
            place.append(number)
        altitude_m, speed_mps, course_deg, accuracy_m, battery_pct = (
            self._optional(where, name, said.get(name)) for name in _OPTIONAL
        )
        point = TrackPoint(
            measured_at=measured_at,
            latitude_deg=place[0],
            longitude_deg=place[1],
            altitude_m=altitude_m,
            speed_mps=speed_mps,
            course_deg=course_deg,
            accuracy_m=accuracy_m,
            battery_pct=battery_pct,
        )
        self._points.setdefault(_clean(track), []).append(point)
        return None

    def _optional(self, where: str, name: str, value: object) -> float | None:
        if _is_absent(value):
            return None
        number = _number(value)
        if number is None:
            self.complain(where, f"{name}_not_a_number", f"{name} {_shown(value)} is no number; sent without it.")
        return number


def time_of(value: object) -> datetime | None:
    """Read a time: ISO 8601 (UTC when it names no zone), or seconds or milliseconds since 1970; None if unreadable."""
    seconds = _number(value)
    try:
        if seconds is not None:
            return _EPOCH + timedelta(seconds=seconds if abs(seconds) < _LARGEST_SECONDS else seconds / 1000)
        read = datetime.fromisoformat(str(value).strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _shown(value: object) -> str:
    return repr(str(value)[:40])


def _clean(name: str) -> str:
    printable: Iterable[str] = (character for character in name if character.isprintable())
    return "".join(printable).strip()[:100] or "unnamed"
