"""Recorded tracks: what a file holds, whatever its format, and what in it could not be used."""

from __future__ import annotations

import msgspec

from itrack.instant import Instant

__all__ = ["Problem", "Track", "TrackFile", "TrackPoint"]


class TrackPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One place that a phone measured. Degrees (WGS 84), metres, metres per second; None where it says nothing.

    `measured_at` is what the phone's clock said; `is_moving` and `activity` are its own opinion.
    """

    measured_at: Instant
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    accuracy_m: float | None = None
    battery_pct: float | None = None
    is_moving: bool | None = None
    activity: str | None = None


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """The points of one phone in order of time; points of the same time keep the file's order.

    Attributes:
        name: what the file calls it: hostile text, at most 100 printable characters.
        points: at least one.
    """

    name: str
    points: tuple[TrackPoint, ...]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a file that could not be used.

    Attributes:
        where: the file and the line or element.
        reason: slug to count by, such as `latitude_out_of_range`.
        sentence: for people.
    """

    where: str
    reason: str
    sentence: str


class TrackFile(msgspec.Struct, frozen=True, kw_only=True):
    """What one file, or several, held."""

    tracks: tuple[Track, ...] = ()
    problems: tuple[Problem, ...] = ()
