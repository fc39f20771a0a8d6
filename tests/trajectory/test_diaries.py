"""Stops found in made-up people's days beside where they truly were. The seeds here were not developed on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from itrack.trajectory.rules import Rules
from itrack.trajectory.stop_batch import find_stops
from simulator.walking.phones import Phone
from tests.support.diaries import Diary, diaries, outing_diary
from tests.support.stop_scores import Scores, score_stops, spans_of

_SEED, _PEOPLE = "report", 6
_WATCHED = [phone for phone in Phone if phone is not Phone.VISITS]


def scores_of(diary: Diary, points: np.ndarray, rules: Rules) -> Scores:
    stays = find_stops(points, rules)
    return score_stops(spans_of(stays, diary.ends_s), diary.stops, points["at_ms"] / 1000, diary.unseen)


@cache
def scores(phone: Phone) -> Scores:
    return sum((scores_of(one, one.points, Rules()) for one in diaries(_SEED, _PEOPLE, (phone,))), Scores())


def bare(points: np.ndarray) -> np.ndarray:
    """Times and places only, as in most files."""
    points = points.copy()
    points["accuracy_m"], points["speed_mps"], points["is_moving"] = 0.0, np.nan, -1
    return points


@pytest.mark.parametrize("phone", _WATCHED)
def test_every_kind_of_phone_is_served(phone: Phone) -> None:
    """A good mean could hide a phone whose owner's stops are nonsense."""
    found = scores(phone)
    assert found.f1 >= 0.90, found.line()
    assert found.start_error_s <= 60, found.line()
    assert found.end_error_s <= 60, found.line()


def test_stops_of_all_phones_together_are_those_that_happened() -> None:
    """The product's bar: F1 of 0.95, both ends within a minute at the median."""
    found = sum(map(scores, _WATCHED), Scores())
    assert found.true > 700
    assert found.f1 >= 0.95, found.line()
    assert found.start_error_s <= 60, found.line()
    assert found.end_error_s <= 60, found.line()
    assert found.fix_f1 >= 0.95, found.line()


def test_a_phone_that_hardly_measures_shows_most_stops() -> None:
    """One fix some minutes after arriving and one after leaving: short stops leave one fix or none."""
    found = scores(Phone.VISITS)
    assert found.f1 >= 0.70, found.line()


def test_outings_of_walks_and_long_stops_are_told_without_a_mistake_in_twenty() -> None:
    """The easier days of `itrack simulate`, with apps that are killed and networks that are away."""
    outings = [outing_diary(f"{_SEED}{number}") for number in range(12)]
    found = sum((scores_of(one, one.points, Rules()) for one in outings), Scores())
    assert found.f1 >= 0.95, found.line()
    assert found.start_error_s <= 60, found.line()
    assert found.end_error_s <= 60, found.line()


def test_times_and_places_alone_are_enough_for_most() -> None:
    """A file without accuracy, speed and the phone's opinion still gives stops, far better ones than the plain rule."""
    days = list(diaries(_SEED, _PEOPLE, tuple(_WATCHED)))
    ours = sum((scores_of(one, bare(one.points), Rules()) for one in days), Scores())
    plain = Rules.plain(stop_radius_m=100, stop_dwell_s=300)
    literature = sum((scores_of(one, bare(one.points), plain) for one in days), Scores())
    assert ours.f1 >= 0.90, ours.line()
    assert literature.f1 <= ours.f1 - 0.2, literature.line()
