"""What must hold for every track: findings fit together, whatever the numbers are, in state that does not grow."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mobility import Gap, Staypoint, Trip
from itrack.trajectory.fleet import Fleet
from itrack.trajectory.found import FOUND
from itrack.trajectory.rules import RULES, Rules
from itrack.trajectory.words import Row
from tests.trajectory.ledger import batch_findings
from tests.trajectory.test_any_order import Step, sent, steps
from tests.trajectory.tracks import DEVICE, NOON, Phone, fix, walk


@settings(max_examples=150, deadline=None)
@given(steps)
def test_findings_fit_together(track: list[Step]) -> None:
    """Stops last the dwell time and do not overlap; trips and gaps end after they begin, with a finite distance."""
    rules = Rules()
    findings = batch_findings(sent(track), rules, NOON + timedelta(days=3650)).values()
    left_at = datetime.min.replace(tzinfo=UTC)
    for stop in sorted((each for each in findings if isinstance(each, Staypoint)), key=lambda each: each.started_at):
        assert left_at <= stop.started_at
        if stop.ended_at is not None:
            assert stop.ended_at - stop.started_at >= timedelta(seconds=rules.stop_dwell_s)
            left_at = stop.ended_at
    for each in findings:
        if isinstance(each, Trip | Gap):
            assert each.started_at < each.ended_at
            assert math.isfinite(each.distance_m if isinstance(each, Trip) else each.beeline_m)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            Fix,
            fix_id=st.integers(0, 10**25).map(lambda number: f"main:{number}") | st.text(max_size=8),
            device_id=st.sampled_from([DEVICE, "main:8"]),
            fixed_at=st.datetimes(timezones=st.just(UTC)),
            device_at=st.datetimes(timezones=st.just(UTC)),
            server_at=st.datetimes(timezones=st.just(UTC)),
            latitude_deg=st.floats(),
            longitude_deg=st.floats(),
            accuracy_m=st.none() | st.floats(),
            speed_mps=st.none() | st.floats(),
            battery_pct=st.none() | st.floats(),
            activity=st.none() | st.text(max_size=8),
        ),
        max_size=20,
    ),
    st.datetimes(timezones=st.just(UTC)),
)
def test_nothing_that_a_phone_sends_breaks_the_logic(fixes: list[Fix], now: datetime) -> None:
    """NaN, infinite and huge numbers, times of any year, any text: each is judged or set aside, and counted."""
    phone = Phone()
    for one in fixes:
        judged = phone.fleet.on_fixes([one])
        assert judged.fix_count + len(judged.set_aside) == 1
        phone.on_time(now)
        phone = Phone(snapshot=phone.fleet.snapshot())


def test_very_many_fixes_at_one_instant_are_counted_and_forgotten() -> None:
    """A hundred thousand places at one time: the first counts, each other has a verdict, and the state stays small."""
    fleet = Fleet(Rules())
    told = 0
    for start in range(0, 100_000, 20_000):
        judged = fleet.on_fixes([fix(0, north_m=number, number=number) for number in range(start, start + 20_000)])
        told += len(judged.found)
    assert told == 100_000
    assert len(fleet.snapshot()) < 100_000


def test_the_state_does_not_grow_however_long_a_phone_is_watched() -> None:
    """Two hours and two days leave a state of the same size: about a kilobyte beside the recent points."""
    fleet = Fleet(Rules())
    sizes = []
    for hour in range(48):
        fleet.on_fixes([fix(3600 * hour + 5 * index, north_m=index % 7, accuracy_m=5) for index in range(720)])
        sizes.append(len(fleet.snapshot()))
    assert sizes[-1] == sizes[1] < 4000


def test_a_phone_costs_the_same_whether_it_is_alone_or_one_of_many() -> None:
    """The state of a hundred phones is at most a hundred times that of one."""

    def size(phones: int) -> int:
        fleet = Fleet(Rules())
        fleet.on_fixes(
            [
                replace(one, device_id=f"main:{phone:03}", fix_id=f"main:{phone * 1000 + number}")
                for phone in range(phones)
                for number, one in enumerate(walk(0, 600, 0, 840))
            ]
        )
        return len(fleet.snapshot())

    assert size(100) <= 100 * size(1)


@pytest.mark.parametrize("change", [lambda raw: raw[:-3], lambda raw: b"\x96\x63" + raw[2:], lambda _raw: b"junk"])
def test_a_snapshot_that_is_not_ours_is_refused(change: Callable[[bytes], bytes]) -> None:
    """A damaged or foreign snapshot is an error with a name, not a wrong state."""
    phone = Phone()
    phone.on_fixes(fix(0))
    with pytest.raises(SetAside):
        Fleet(Rules(), change(phone.fleet.snapshot()))


def test_records_and_tuples_have_the_same_fields() -> None:
    """Compiled code and Python read the same numbers under the same names."""
    assert Row._fields == FOUND.names
    assert Rules.__struct_fields__ == RULES.names
