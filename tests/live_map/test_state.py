"""What a page begins with, from fixes in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from itrack.fix import Fix
from live_map.state import newest_fixes, trails_of
from tests.live_map.fixes import NOON, make_fix


@given(st.permutations([make_fix(number, device=f"main:{number % 2}") for number in range(6)]))
def test_each_device_shows_its_newest_fix(fixes: list[Fix]) -> None:
    """The order in which MongoDB tells the fixes does not matter."""
    assert {device: fix.fix_id for device, fix in newest_fixes(fixes).items()} == {
        "main:0": "main:0-4",
        "main:1": "main:1-5",
    }


@given(st.permutations([make_fix(number) for number in range(6)]))
def test_trails_are_ordered_and_short(fixes: list[Fix]) -> None:
    """A trail is the newest points in the order of their time, whatever order they came in."""
    trail = trails_of(fixes, 3)["main:1"]
    assert [at_ms for at_ms, *_ in trail] == [int((NOON + timedelta(seconds=s)).timestamp() * 1000) for s in (3, 4, 5)]


def test_a_vague_place_moves_the_marker_and_bends_no_trail() -> None:
    """A place taken from a far mast is the best that is known of the person, but nobody walked there."""
    fixes = [make_fix(0), make_fix(1, accuracy_m=930.0), make_fix(2)]
    assert [latitude for _, latitude, _ in trails_of(fixes, 10)["main:1"]] == [47.0, 47.0002]
    assert newest_fixes(fixes[:2])["main:1"].fix_id == "main:1-1"


def test_a_lying_clock_keeps_its_trail() -> None:
    """A phone that lives in 1901 has a trail in the order in which the server received it."""
    fixes = [
        make_fix(number, at=datetime(1901, 12, 13, tzinfo=UTC), server_at=NOON + timedelta(seconds=number))
        for number in (2, 0, 1)
    ]
    assert [latitude for _, latitude, _ in trails_of(fixes, 10)["main:1"]] == [47.0, 47.0001, 47.0002]
