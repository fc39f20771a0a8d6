"""Tracks: cut at silences, and with no more points than can be drawn."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from live_map.frames import TrackPoint
from live_map.track import segments_of, simplify
from tests.live_map.fixes import NOON, make_fix

points = st.lists(st.tuples(st.floats(-80, 80), st.floats(-179, 179)), min_size=1, max_size=300, unique=True).map(
    lambda places: [(number, latitude, longitude, None, None) for number, (latitude, longitude) in enumerate(places)]
)


def test_a_silence_is_never_crossed_by_a_line() -> None:
    """Six minutes without a fix begin a new segment, one minute does not."""
    fixes = [make_fix(second) for second in (0, 60, 120, 480, 540)]
    assert [len(segment) for segment in segments_of(fixes)] == [3, 2]


def test_a_track_is_in_the_order_of_its_time() -> None:
    """Fixes that arrived late take their place in the line."""
    fixes = [make_fix(number) for number in (3, 1, 2)]
    assert [point[0] for segment in segments_of(fixes) for point in segment] == [
        int((NOON + timedelta(seconds=number)).timestamp() * 1000) for number in (1, 2, 3)
    ]


@given(st.lists(points, min_size=1, max_size=4), st.integers(10, 100))
def test_points_that_stay_are_fixes_as_they_were(segments: list[list[TrackPoint]], budget: int) -> None:
    """The budget is kept, no point is invented or moved, and each segment keeps its first and last."""
    simple = simplify(segments, budget)
    assert sum(map(len, simple)) <= max(budget, 2 * len(segments))
    for before, after in zip(segments, simple, strict=True):
        assert set(after) <= set(before)
        assert [point[0] for point in after] == sorted(point[0] for point in after)
        assert (after[0], after[-1]) == (before[0], before[-1])


def test_a_short_track_is_left_alone() -> None:
    """Nothing is left out below the budget."""
    segments = segments_of([make_fix(number) for number in range(50)])
    assert simplify(segments, 50) is segments
