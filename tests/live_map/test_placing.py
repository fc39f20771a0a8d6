"""Which fix is shown when clocks lie and fixes arrive in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itrack.fix import Fix
from live_map.placing import is_clock_believable, is_drawable, is_newer, placed_at
from tests.live_map.fixes import NOON, make_fix

IN_1901 = datetime(1901, 12, 13, 20, 45, 52, tzinfo=UTC)


def shown_after(fixes: list[Fix]) -> Fix:
    """The fix that is shown after these have arrived in this order."""
    shown = fixes[0]
    for fix in fixes[1:]:
        if is_newer(fix, shown):
            shown = fix
    return shown


@given(st.permutations([make_fix(number) for number in range(8)]))
def test_any_order_of_arrival_shows_the_fix_measured_last(fixes: list[Fix]) -> None:
    """A buffer that is sent late never moves a marker backwards."""
    assert shown_after(fixes).fix_id == "main:1-7"


def test_the_same_fix_again_moves_nothing() -> None:
    """A fix that arrives twice is not newer than itself."""
    assert not is_newer(make_fix(3), make_fix(3))


def test_a_phone_that_lives_in_1901_still_moves() -> None:
    """Fixes that all carry the same impossible time are shown in the order in which the server received them."""
    fixes = [make_fix(number, at=IN_1901, server_at=NOON + timedelta(seconds=number)) for number in range(4)]
    assert shown_after(fixes) is fixes[3]
    assert placed_at(fixes[3]) == fixes[3].server_at


def test_a_fix_from_the_future_does_not_hold_the_marker() -> None:
    """After one fix from 2099 the next honest fix is shown."""
    future = make_fix(0, at=datetime(2099, 1, 1, tzinfo=UTC), server_at=NOON)
    honest = make_fix(5)
    assert not is_clock_believable(future)
    assert shown_after([make_fix(1), future, honest]) is honest


def test_a_clock_that_is_a_little_ahead_is_believed() -> None:
    """Phones are often some seconds ahead; that alone is no reason to distrust them."""
    assert is_clock_believable(make_fix(0, server_at=NOON - timedelta(seconds=30)))


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg", "expected"),
    [(47.0, 8.0, True), (0.0, 0.0, False), (91.0, 8.0, False), (47.0, 200.0, False), (float("nan"), 8.0, False)],
)
def test_only_places_on_earth_are_drawn(latitude_deg: float, longitude_deg: float, *, expected: bool) -> None:
    """A marker must not jump to nowhere, nor to the place that stands for an unknown one."""
    fix = make_fix(latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    assert is_drawable(fix) is expected


def test_a_vague_place_is_drawn() -> None:
    """What the analytics set aside for its accuracy is still the best that is known of where the person is."""
    assert is_drawable(make_fix(accuracy_m=930.0))
