"""A person's days and weeks, in their own zone: how much they move, where they are, and how much of it is known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import msgspec

from itrack.day import Day
from itrack.habits.home_work import HomeWork, find_home_and_work
from itrack.habits.life import Leg, Life
from itrack.habits.measures import entropy_bits, radius_of_gyration_m, steps_of
from itrack.habits.past import Past
from itrack.habits.places import NOWHERE
from itrack.habits.presence import present_until
from itrack.habits.rules import HabitRules
from itrack.instant import Instant
from itrack.mobility import Mode
from itrack.trajectory.point import milliseconds_of

__all__ = ["Rhythm", "Span", "rhythms_of", "week_of"]

_STROLL_MPS = 2.2
"""A way in an unknown mode that is no faster on the whole was walked."""


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """What a person did on one day, or in one ISO week.

    Attributes:
        period: `2026-03-29` or `2026-W13`.
        starts_at, ends_at: of the period in the person's zone; a day has 23 or 25 hours when clocks change.
        is_over: no more time of it is to come.
        distance_m: of trips; what crosses the edge of the period counts by the share of its time.
        walked_s, walked_m, steps: time, distance and about how many steps on foot.
        radius_of_gyration_m, entropy_bits: of the stays (`measures`).
        stays, trips: that overlap the period.
        places: different ones among the stays.
        home_s, work_s: time at home and at work; None while these are not known.
        coverage: share of the period so far that is known, because the person stayed somewhere or was under way.
    """

    rhythm_id: str
    device_id: str
    period: str
    zone: str
    starts_at: Instant
    ends_at: Instant
    is_over: bool
    distance_m: float
    walked_s: float
    walked_m: float
    steps: int
    radius_of_gyration_m: float
    entropy_bits: float
    stays: int
    trips: int
    places: int
    home_s: float | None
    work_s: float | None
    coverage: float


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A day or a week of one zone."""

    name: str
    starts_at: datetime
    ends_at: datetime


def rhythms_of(
    life: Life, since_at: datetime, now: datetime, rules: HabitRules, *, step_length_m: float
) -> tuple[list[Rhythm], HomeWork]:
    """The days and weeks that reach beyond a moment and have begun; home and work as they were known this morning.

    Args:
        life: the rows that end after `judge.needed_since` and begin before `now`.
        since_at: days and weeks that ended before are left out.
        now: what goes on has lasted until then.
        rules: how places are learnt, and how long silence is believed in.
        step_length_m: for the estimate of steps.
    """
    learnt: dict[int, Past] = {}
    rhythms = []
    zone = str(life.zone)
    for span in (*_days(since_at, now, zone), *_weeks(since_at, now, zone)):
        known_ms = milliseconds_of(min(span.ends_at, now))
        if known_ms not in learnt:
            learnt[known_ms] = Past(life, known_ms, rules)
        rhythms.append(_rhythm(life, learnt[known_ms], span, now, step_length_m))
    today_at = Day.of(now, zone).starts_at
    today_ms = milliseconds_of(today_at)
    return rhythms, find_home_and_work(Past(life, today_ms, rules), today_at)[0]


def week_of(day: Day) -> Span:
    """The ISO week that a day is in, from Monday to Sunday."""
    year, number, weekday = day.date.isocalendar()
    monday = Day(day.date - timedelta(days=weekday - 1), day.zone)
    sunday = Day(monday.date + timedelta(days=6), day.zone)
    return Span(name=f"{year}-W{number:02}", starts_at=monday.starts_at, ends_at=sunday.ends_at)


def _days(since_at: datetime, now: datetime, zone: str) -> Iterator[Span]:
    day = Day.of(since_at, zone)
    while day.starts_at < now:
        yield Span(name=str(day), starts_at=day.starts_at, ends_at=day.ends_at)
        day = Day(day.date + timedelta(days=1), zone)


def _weeks(since_at: datetime, now: datetime, zone: str) -> Iterator[Span]:
    monday: date = Day.of(since_at, zone).date
    monday -= timedelta(days=monday.weekday())
    while (day := Day(monday, zone)).starts_at < now:
        yield week_of(day)
        monday += timedelta(days=7)


def _rhythm(life: Life, past: Past, span: Span, now: datetime, step_length_m: float) -> Rhythm:
    until_at = min(span.ends_at, now)
    stays = [
        number
        for number, stay in enumerate(life.stays)
        if stay.started_at < until_at and present_until(stay, past.rules.silence_s) > span.starts_at
    ]
    legs = [
        leg
        for trip, of_trip in zip(life.trips, life.legs, strict=True)
        for leg in of_trip
        if trip.started_at < until_at and trip.ended_at > span.starts_at
    ]
    labels = [past.place_of_stay(number) for number in stays]
    _, home, work = find_home_and_work(past, now)
    seconds = [_overlap_s(life, number, span, until_at, past.rules) for number in stays]
    shares = [_share(leg, span) for leg in legs]
    on_foot = [share if _is_on_foot(leg) else 0.0 for leg, share in zip(legs, shares, strict=True)]
    walked_m = sum(share * leg.shape.metres for leg, share in zip(legs, on_foot, strict=True))
    way_s = sum(share * leg.shape.seconds for leg, share in zip(legs, shares, strict=True))
    lasts_s = (until_at - span.starts_at).total_seconds()
    visits = [label if label != NOWHERE else ("once", number) for label, number in zip(labels, stays, strict=True)]
    return Rhythm(
        rhythm_id=f"{life.device_id}:{span.name}",
        device_id=life.device_id,
        period=span.name,
        zone=str(life.zone),
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        is_over=span.ends_at <= now,
        distance_m=round(sum(share * leg.shape.metres for leg, share in zip(legs, shares, strict=True)), 1),
        walked_s=round(sum(share * leg.shape.seconds for leg, share in zip(legs, on_foot, strict=True)), 1),
        walked_m=round(walked_m, 1),
        steps=steps_of(walked_m, step_length_m),
        radius_of_gyration_m=round(
            radius_of_gyration_m(life.latitudes_deg[stays], life.longitudes_deg[stays]) if stays else 0.0, 1
        ),
        entropy_bits=round(entropy_bits(visits), 4),
        stays=len(stays),
        trips=len({leg.trip.trip_id for leg in legs}),
        places=len(set(visits)),
        home_s=None if home == NOWHERE else _seconds_at(home, labels, seconds),
        work_s=None if work == NOWHERE else _seconds_at(work, labels, seconds),
        coverage=round(min(1.0, (sum(seconds) + way_s) / lasts_s), 4),
    )


def _seconds_at(place: int, labels: list[int], seconds: list[float]) -> float:
    return round(sum(each for label, each in zip(labels, seconds, strict=True) if label == place), 1)


def _overlap_s(life: Life, number: int, span: Span, until_at: datetime, rules: HabitRules) -> float:
    """How much of the span so far a stay fills."""
    stay = life.stays[number]
    ends_at = min(until_at, present_until(stay, rules.silence_s))
    return max(0.0, (ends_at - max(span.starts_at, stay.started_at)).total_seconds())


def _share(leg: Leg, span: Span) -> float:
    """Of a leg's time, what lies within the span."""
    if leg.shape.seconds <= 0:
        return 1.0 if span.starts_at <= leg.started_at < span.ends_at else 0.0
    ends_at = leg.started_at + timedelta(seconds=leg.shape.seconds)
    within_s = (min(span.ends_at, ends_at) - max(span.starts_at, leg.started_at)).total_seconds()
    return max(0.0, within_s) / leg.shape.seconds


def _is_on_foot(leg: Leg) -> bool:
    if leg.mode is Mode.UNKNOWN:
        return leg.shape.metres <= _STROLL_MPS * leg.shape.seconds
    return leg.mode in {Mode.WALK, Mode.RUN}
