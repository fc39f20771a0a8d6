"""How well odd things are found in made-up lives, on seeds that nothing was tuned on (decision 11)."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from itrack.habits.rules import HabitRules
from tests.support.lives.score import Score
from tests.support.lives.trial import KINDS, try_person

SEEDS = range(5000, 5080)


def _try(seed: int) -> Score:
    return try_person(seed, HabitRules())


@pytest.fixture(scope="module")
def report() -> Score:
    """What was found of 80 people in four weeks each."""
    total = Score()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for scored in pool.map(_try, SEEDS, chunksize=10):
            total.add(scored)
    for kind in KINDS:
        print(  # noqa: T201 - figures for the decision record: pytest -s
            f"{kind:14} n {total.found[kind] + total.missed[kind]:4} recall {total.recall(kind):.3f} "
            f"precision {total.precision(kind):.3f} told of first times {total.tolerated[kind]}"
        )
    print(f"{total.false_per_person_week:.3f} false alarms a person-week")  # noqa: T201
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_odd_things_are_found_and_little_else(report: Score, kind: str) -> None:
    """Of each kind, 95 of 100 odd things are told, and 95 of 100 that are told were odd."""
    assert report.found[kind] + report.missed[kind] >= 50
    assert report.recall(kind) >= 0.95
    assert report.precision(kind) >= 0.95


def test_false_alarms_are_rare(report: Score) -> None:
    """Fewer than one false alarm a person and week, all kinds together."""
    assert report.false_per_person_week < 1
