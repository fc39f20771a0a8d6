"""What is set aside, and why; and the anomalies that come of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from itrack.fix import Fix
from itrack.mobility import Event
from itrack.trajectory.quality import Flag, flag_alone
from itrack.trajectory.rules import Rules
from tests.trajectory.tracks import NOON, Phone, fix, run, walk


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"latitude_deg": 90.5}, Flag.OUT_OF_RANGE),
        ({"longitude_deg": float("nan")}, Flag.OUT_OF_RANGE),
        ({"longitude_deg": float("inf")}, Flag.OUT_OF_RANGE),
        ({"latitude_deg": 0.0, "longitude_deg": 0.0}, Flag.NULL_ISLAND),
        ({"accuracy_m": 930.0}, Flag.POOR_ACCURACY),
        ({"accuracy_m": float("nan")}, Flag.POOR_ACCURACY),
        ({"fixed_at": datetime(1901, 12, 13, tzinfo=UTC)}, Flag.WRONG_CLOCK),
        ({"fixed_at": NOON + timedelta(hours=1)}, Flag.WRONG_CLOCK),
    ],
)
def test_a_fix_that_cannot_be_is_set_aside(change: dict[str, object], flag: Flag) -> None:
    """Each kind of impossible fix has its own flag and a reason, names the rules, and makes nothing but an anomaly."""
    bad = replace(fix(0), **change)
    assert flag_alone(bad, Rules()) is flag
    phone = Phone()
    events = phone.on_fixes(bad)
    (verdict,) = phone.verdicts.values()
    assert verdict.flag == str(flag)
    assert verdict.reason.endswith(".")
    assert verdict.rules == Rules().name
    assert {event.kind for event in events} <= {"anomaly_found"}


@pytest.mark.parametrize("change", [{"accuracy_m": 35.0}, {"latitude_deg": 0.0}, {"latitude_deg": 90.0}])
def test_an_odd_but_possible_fix_is_used(change: dict[str, object]) -> None:
    """The equator, a pole and an ordinary error are no reason to set a fix aside."""
    assert flag_alone(replace(fix(0), **change), Rules()) is Flag.NONE


def flags_of(*fixes: Fix) -> list[Flag]:
    phone = Phone()
    for one in fixes:
        phone.on_fixes(one)
    return [Flag[verdict.flag.upper()] for verdict in phone.verdicts.values()]


def test_what_came_before_is_told_from_what_came_at_the_same_time() -> None:
    """The same content under another number, another place at one time, and a place that the phone repeated."""
    first = fix(0, number=1)
    assert flags_of(first, first) == []
    assert flags_of(first, replace(first, fix_id="main:2")) == [Flag.DUPLICATE]
    assert flags_of(first, fix(0, 30, number=2)) == [Flag.SAME_INSTANT]
    repeated = replace(first, fix_id="main:2", device_at=NOON + timedelta(minutes=3))
    assert flags_of(first, repeated) == [Flag.REPEATED_PLACE]


def test_a_late_fix_is_used_like_any_other() -> None:
    """A fix that comes after a newer one finds its place, and is not set aside."""
    assert flags_of(fix(0), fix(60, 50), fix(30, 20)) == []


def test_a_clock_that_is_a_little_ahead_does_not_make_honest_fixes_late() -> None:
    """Time is clamped to the server's: a fix from two minutes ahead counts as of its arrival."""
    assert flags_of(fix(0), fix(130, 10, server_second=10), fix(20, 20)) == []


def test_one_fix_from_far_ahead_does_not_make_honest_fixes_late() -> None:
    """A clock that is a year ahead is wrong, and the fixes after it are judged as ever."""
    ahead = fix(365 * 86400, 10, server_second=10)
    assert flags_of(fix(0), ahead, fix(20, 20)) == [Flag.WRONG_CLOCK]


def anomalies(events: list[Event]) -> list[str]:
    return [event.anomaly.kind for event in events if event.anomaly]


def test_a_jump_and_return_is_set_aside_and_told_once() -> None:
    """One fix 40 km away in five seconds is no movement: no distance, no gap, one anomaly that names the fix."""
    far = replace(fix(302, 40_000), fix_id="main:777")
    fixes = [*walk(0, 300, 0, 420), far, *walk(305, 600, 427, 840)]
    events = run(fixes)
    assert anomalies(events) == ["impossible_jump"]
    assert [event.anomaly.fix_id for event in events if event.anomaly] == ["main:777"]
    phone = Phone()
    for one in fixes:
        events += phone.on_fixes(one)
    (trip,) = [event.trip for event in phone.on_time(NOON + timedelta(days=1)) if event.trip]
    assert trip.distance_m == pytest.approx(840, abs=65)


def test_a_jump_that_stays_is_told_and_adds_no_distance() -> None:
    """A person who is suddenly 40 km away and goes on from there has made no trip of 40 km."""
    phone = Phone()
    fixes = [*walk(0, 300, 0, 420), *walk(305, 600, 40_000, 40_413)]
    events = [event for one in fixes for event in phone.on_fixes(one)]
    assert anomalies(events) == ["impossible_jump"]
    (trip,) = [event.trip for event in phone.on_time(NOON + timedelta(days=1)) if event.trip]
    assert trip.distance_m == pytest.approx(833, abs=65)


def test_a_fast_train_is_no_anomaly() -> None:
    """300 km/h for minutes is a train and its distance counts."""
    phone = Phone()
    events = [event for one in walk(0, 600, 0, 50_000) for event in phone.on_fixes(one)]
    assert [event.kind for event in events] == []


def test_a_wrong_clock_is_told_once_per_run() -> None:
    """A hundred fixes of 1901 are one anomaly; after good fixes and some time the next run is another."""
    old = datetime(1901, 12, 13, 20, 45, tzinfo=UTC)

    def wrong(second: int) -> Fix:
        return replace(fix(second), fixed_at=old, device_at=old)

    run_one = [wrong(second) for second in range(100)]
    good = walk(100, 2000, 0, 2660)
    run_two = [wrong(second) for second in range(2001, 2050)]
    assert anomalies(run([*run_one, *good, *run_two])) == ["wrong_clock", "wrong_clock"]
