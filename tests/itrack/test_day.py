"""Days: every moment belongs to exactly one, also when clocks change."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itrack.day import Day
from itrack.errors import FixConfiguration

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Asia/Beirut",
]


@pytest.mark.parametrize(
    ("text", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-03-30", "Europe/Berlin", 24),
        ("2026-03-29", "UTC", 24),
        ("2018-11-04", "America/Sao_Paulo", 23),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
    ],
)
def test_a_day_is_as_long_as_its_zone_says(text: str, zone: str, hours: float) -> None:
    """A day on which clocks change has 23 or 25 hours, not 24."""
    assert Day.parse(text, zone).hours == hours


def test_a_day_begins_when_the_missing_midnight_is_jumped_over() -> None:
    """Where clocks jump from 23:59 to 01:00, the day begins at that moment."""
    assert Day.parse("2018-11-04", "America/Sao_Paulo").starts_at == datetime(2018, 11, 4, 3, tzinfo=UTC)


@given(
    st.datetimes(min_value=datetime(1890, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_every_moment_is_within_its_day_and_days_abut(at: datetime, zone: str) -> None:
    """No moment falls between two days or into two, whatever the zone does to its clocks."""
    day = Day.of(at, zone)
    assert day.starts_at <= at < day.ends_at
    assert Day.of(day.ends_at, zone).starts_at == day.ends_at
    assert Day.of(day.starts_at - timedelta(milliseconds=1), zone).ends_at == day.starts_at


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_ends_of_the_calendar_have_a_day(at: datetime, zone: str) -> None:
    """A clock at the edge of what can be written down does not stop an export."""
    day = Day.of(at, zone)
    assert day.starts_at < day.ends_at


@pytest.mark.parametrize(("text", "zone"), [("29.03.2026", "UTC"), ("2026-02-30", "UTC"), ("2026-03-29", "../etc")])
def test_what_is_no_day_is_refused_in_a_sentence(text: str, zone: str) -> None:
    """A typing mistake gets an explanation, not a stack trace."""
    with pytest.raises(FixConfiguration, match=r"is no (day|time zone)"):
        Day.parse(text, zone)


def test_days_sort_by_date() -> None:
    """Days are exported in order."""
    assert Day(date(1901, 1, 1)) < Day(date(2026, 1, 2))
