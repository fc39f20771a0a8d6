"""The ruler itself: stops are matched one to one by the time they have in common."""

from __future__ import annotations

from tests.support.stop_scores import score_stops


def test_a_stop_is_found_if_half_of_the_joint_time_is_common() -> None:
    """A little late or early is found, half as long again is not twice found."""
    found = score_stops([(0, 100), (200, 290), (400, 410)], [(10, 100), (200, 300), (400, 500)], [])
    assert (found.matched, found.found, found.true, found.missed) == (2, 3, 3, 0)
    assert found.end_errors_s == [0, -10]
    assert found.start_errors_s == [0]  # where the record begins and ends nobody can be early or late


def test_pieces_and_joined_stops_are_told() -> None:
    """Two pieces of one stop are a fragment, one stop over two is merged, and neither counts twice."""
    pieces = score_stops([(0, 40), (60, 100)], [(0, 100)], [])
    assert (pieces.fragmented, pieces.merged, pieces.matched) == (1, 0, 0)
    joined = score_stops([(0, 100)], [(0, 60), (70, 100)], [])
    assert (joined.fragmented, joined.merged, joined.matched) == (0, 1, 1)


def test_what_was_unseen_is_neither_asked_for_nor_wrong() -> None:
    """A phone that was off shows nothing."""
    dark = score_stops([(0, 100), (120, 280)], [(0, 100), (150, 200), (210, 300)], [], [(110, 290)])
    assert (dark.matched, dark.found, dark.true) == (1, 1, 1)


def test_fixes_are_scored_too() -> None:
    """Of ten fixes, five are still, six are told still, four are both."""
    scores = score_stops([(1, 6.5)], [(3, 7)], range(10))
    assert (scores.still, scores.told_still, scores.both) == (5, 6, 4)
    assert scores.fix_accuracy == 0.7
    assert round(scores.fix_f1, 3) == 0.727
