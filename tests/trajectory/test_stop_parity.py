"""Our sliding rule beside trackintel's, on recorded tracks and made-up days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from itrack.trajectory.rules import Rules
from itrack.trajectory.stop_batch import find_stops
from simulator.walking.phones import Phone
from tests.support.diaries import day_diary
from tests.support.oracle import trackintel_stops
from tests.support.recorded import recorded_points
from tests.support.stop_scores import Scores, Span, score_stops, spans_of

_NO_GAP_RULE_S = 1e9


def plain_stops(points: np.ndarray, *, radius_m: float, dwell_s: float, gap_s: float) -> list[Span]:
    """Ours; the last one counts until its last fix, as trackintel's does."""
    stays = find_stops(points, Rules.plain(stop_radius_m=radius_m, stop_dwell_s=dwell_s, stop_gap_s=gap_s))
    return [span for span in spans_of(stays, points["at_ms"][-1] / 1000) if span[1] - span[0] >= dwell_s]


def agreement(tracks: list[np.ndarray], **rule: float) -> Scores:
    scores = [
        score_stops(plain_stops(points, **rule), trackintel_stops(points, **rule), points["at_ms"] / 1000)
        for points in tracks
    ]
    return sum(scores, Scores())


@pytest.mark.parametrize("gap_s", [900.0, _NO_GAP_RULE_S])
@pytest.mark.parametrize(("radius_m", "dwell_s"), [(100.0, 300.0), (60.0, 300.0), (52.0, 130.0)])
def test_the_plain_rule_agrees_with_trackintel_on_made_up_days(radius_m: float, dwell_s: float, gap_s: float) -> None:
    """Whoever compares our stops with the literature's compares the method and not a slip in ours."""
    days = [day_diary(f"parity-{number}", phone).points for phone in Phone for number in range(2)]
    scores = agreement(days, radius_m=radius_m, dwell_s=dwell_s, gap_s=gap_s)
    assert scores.true > 100
    assert scores.f1 >= 0.995


@pytest.mark.parametrize("gap_s", [900.0, _NO_GAP_RULE_S])
@pytest.mark.parametrize(("radius_m", "dwell_s"), [(100.0, 300.0), (60.0, 300.0), (52.0, 130.0)])
def test_the_plain_rule_agrees_with_trackintel_on_recorded_tracks(
    real_tracks: Path, radius_m: float, dwell_s: float, gap_s: float
) -> None:
    """Made-up days might miss what real phones do."""
    tracks = list(recorded_points(real_tracks).values())
    scores = agreement(tracks, radius_m=radius_m, dwell_s=dwell_s, gap_s=gap_s)
    assert scores.true > 5
    assert scores.f1 >= 0.995
