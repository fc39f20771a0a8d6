"""Diaries with exact truth: what made-up people's phones say, as points in order of time, and where they truly were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import msgspec
import numpy as np

from itrack.trajectory.point import ACTIVITIES, POINT
from simulator.tracks import TrackPoint
from simulator.walking.phones import Phone
from simulator.walking.walker import Walked, spend_day, walk
from tests.support.stop_scores import Span

__all__ = ["Diary", "day_diary", "diaries", "outing_diary"]

_BEGAN_AT = datetime(2026, 5, 4, 5, tzinfo=UTC)
_HOURS = 14.0
_USABLE_M = 100.0


class Diary(msgspec.Struct, frozen=True, kw_only=True):
    """One person's day.

    Attributes:
        name: of the phone and seed.
        points: POINT records in order of time, without those that claim an error that is set aside.
        stops: where the person truly was (seconds since 1970 UTC).
        unseen: when the phone was off.
        ends_s: when the day ends.
    """

    name: str
    points: np.ndarray
    stops: tuple[Span, ...]
    unseen: tuple[Span, ...]
    ends_s: float


def diaries(seed: str, people: int, phones: tuple[Phone, ...] = tuple(Phone)) -> Iterator[Diary]:
    """Days of so many people with each kind of phone; a seed gives the same days everywhere."""
    for phone in phones:
        for number in range(people):
            yield day_diary(f"{seed}-{phone}-{number}", phone)


@cache
def day_diary(seed: str, phone: Phone) -> Diary:
    """One day with everything that makes stops hard to find."""
    return _diary(f"{phone} {seed}", spend_day(seed, _BEGAN_AT, _HOURS, phone))


@cache
def outing_diary(seed: str, hours: float = 8.0) -> Diary:
    """An easier outing, as `itrack simulate` makes them: long stops, walks between, a phone that falls silent."""
    return _diary(f"outing {seed}", walk(seed, _BEGAN_AT, hours))


def _diary(name: str, walked: Walked) -> Diary:
    truth = walked.truth
    error_ms = round(truth.clock_error_s * 1000)
    rows = sorted(
        _row(report.point, number, error_ms)
        for number, report in enumerate(walked.reports)
        if (report.point.accuracy_m or 0.0) <= _USABLE_M
    )
    stops = tuple((stop.began_at.timestamp(), stop.ended_at.timestamp()) for stop in truth.stops)
    return Diary(
        name=name,
        points=np.array(rows, dtype=POINT),
        stops=stops,
        unseen=tuple((gap.began_at.timestamp(), gap.ended_at.timestamp()) for gap in truth.gaps),
        ends_s=stops[-1][1],
    )


def _row(point: TrackPoint, number: int, error_ms: int) -> tuple[float, ...]:
    at_ms = round(point.measured_at.timestamp() * 1000) - error_ms
    return (
        at_ms,
        at_ms,
        at_ms,
        number,
        point.latitude_deg,
        point.longitude_deg,
        point.accuracy_m or 0.0,
        np.nan if point.speed_mps is None else point.speed_mps,
        np.nan if point.battery_pct is None else point.battery_pct,
        ACTIVITIES.get(point.activity or "", 0),
        -1 if point.is_moving is None else int(point.is_moving),
        False,
        0,
    )
