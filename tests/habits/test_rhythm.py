"""A person's days and weeks: cut in their own zone, adding up, with home and work known to nobody else."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from itrack.day import Day
from itrack.habits.judge import judge
from itrack.habits.life import Life
from itrack.habits.measures import entropy_bits, radius_of_gyration_m
from itrack.habits.rhythm import rhythms_of, week_of
from itrack.habits.rules import HabitRules
from itrack.mobility import Anomaly, Staypoint, Trip, Tripleg
from tests.support.lives.rows import life_of, rows_of
from tests.support.lives.trial import odd_weeks

ZURICH = ZoneInfo("Europe/Zurich")
RULES = HabitRules()


def _stay(started_at: datetime, ended_at: datetime | None) -> Staypoint:
    return Staypoint(
        staypoint_id=f"stay:{started_at}",
        device_id="main:1",
        started_at=started_at,
        ended_at=ended_at,
        last_fixed_at=ended_at or started_at,
        latitude_deg=47.37,
        longitude_deg=8.54,
        fix_count=9,
        judged_at=started_at,
        rules="r",
    )


def _trip(started_at: datetime, ended_at: datetime, metres: float) -> Trip:
    return Trip(
        trip_id=f"trip:{started_at}",
        device_id="main:1",
        started_at=started_at,
        ended_at=ended_at,
        from_staypoint_id=None,
        to_staypoint_id=None,
        distance_m=metres,
        fix_count=9,
        judged_at=ended_at,
        rules="r",
    )


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_a_day_is_as_long_as_its_zone_says(day: date, hours: int) -> None:
    """A day at home is wholly known, also when clocks change, and belongs to the week from Monday to Sunday."""
    whole = Day(day, "Europe/Zurich")
    life = Life(
        "main:1",
        ZURICH,
        stays=[_stay(whole.starts_at - timedelta(hours=3), whole.ends_at + timedelta(hours=3))],
        trips=[],
    )
    found, _ = rhythms_of(life, whole.starts_at, whole.ends_at, RULES, step_length_m=0.7)
    of_day = next(each for each in found if each.period == day.isoformat())
    assert (of_day.ends_at - of_day.starts_at) == timedelta(hours=hours)
    assert of_day.coverage == 1
    week = week_of(whole)
    assert week.starts_at <= whole.starts_at < whole.ends_at <= week.ends_at


def test_a_way_over_midnight_counts_on_both_days() -> None:
    """By its time: no metre is lost between two days, and none is counted twice."""
    midnight = Day(date(2026, 6, 2), "Europe/Zurich").starts_at
    life = Life(
        "main:1",
        ZURICH,
        stays=[],
        trips=[_trip(midnight - timedelta(minutes=20), midnight + timedelta(minutes=10), 1800)],
    )
    found, _ = rhythms_of(life, midnight - timedelta(hours=1), midnight + timedelta(hours=1), RULES, step_length_m=0.75)
    days = [each for each in found if "W" not in each.period]
    assert [(each.distance_m, each.walked_s, each.steps) for each in days] == [(1200, 1200, 1600), (600, 600, 800)]


def test_measures_are_the_fields() -> None:
    """Radius of gyration and entropy where they are known by hand."""
    assert radius_of_gyration_m(np.array([47.0, 47.0]), np.array([8.0, 8.0])) == 0
    assert radius_of_gyration_m(np.array([46.0, 48.0]), np.array([8.0, 8.0])) == pytest.approx(111_195, rel=1e-3)
    assert entropy_bits("aabb") == 1
    assert entropy_bits("aaaa") == 0
    assert entropy_bits([]) == 0


@pytest.mark.parametrize("seed", range(6000, 6003))
def test_home_and_work_are_found(seed: int) -> None:
    """Of made-up people: home is where they sleep, within the vagueness of their stays."""
    weeks = odd_weeks(Random(seed))  # noqa: S311
    life = life_of("main:1", weeks, Random(seed))  # noqa: S311
    now = max(trip.ended_at for trip in life.trips)
    _, known = rhythms_of(life, now, now, RULES, step_length_m=0.7)
    assert known.home is not None
    nights = [stay for stay in life.stays if stay.ended_at and stay.ended_at - stay.started_at > timedelta(hours=7)]
    latitude_deg = float(np.median([stay.latitude_deg for stay in nights]))
    assert known.home.latitude_deg == pytest.approx(latitude_deg, abs=0.001)
    assert 0 < known.home.share <= 1


def test_what_happens_later_changes_nothing_before() -> None:
    """Half a life gives what the whole one gives of that half, so that the past is not rewritten by what follows."""
    weeks = odd_weeks(Random(6100))  # noqa: S311
    rows, ways = rows_of("main:1", weeks, Random(6100))  # noqa: S311
    begin = rows[0].started_at + timedelta(weeks=4)
    half_at = begin + timedelta(weeks=2)

    def told(until_at: datetime) -> list[Anomaly]:
        life = Life(
            "main:1",
            ZURICH,
            stays=[row for row in rows if isinstance(row, Staypoint) and (row.ended_at or until_at) <= until_at],
            trips=[row for row in rows if isinstance(row, Trip) and row.ended_at <= until_at],
            legs=[row for row in rows if isinstance(row, Tripleg)],
            ways=ways,
        )
        found = judge(life, begin, until_at, RULES).anomalies
        return [anomaly for anomaly in found if anomaly.happened_at < half_at - timedelta(days=1)]

    assert told(half_at)
    assert told(half_at) == told(begin + timedelta(weeks=4))
