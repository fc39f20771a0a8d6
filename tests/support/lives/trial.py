"""A trial of the judgement of habits: made-up people, odd things in their lives, and how well these are found."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from itrack.habits.judge import judge
from itrack.habits.rules import HabitRules
from tests.support.lives.person import draw_person
from tests.support.lives.rows import life_of
from tests.support.lives.score import Score, score
from tests.support.lives.weeks import Weeks, live

__all__ = ["KINDS", "LEARNING_WEEKS", "odd_weeks", "try_person"]

KINDS = ("unusual_speed", "unusual_place", "unusual_hour", "off_usual_way", "wandering", "stopped_long")
LEARNING_WEEKS, TRIAL_WEEKS = 4, 4
_ODD_DAYS = 2
"""Of each week of the trial."""


def try_person(seed: int, rules: HabitRules) -> Score:
    """Judge four weeks of somebody, after four weeks in which nothing odd happened."""
    random = Random(seed)  # noqa: S311
    weeks = odd_weeks(random)
    life = life_of(f"main:{seed}", weeks, random)
    since_at = weeks.visits[0].began_at + timedelta(weeks=LEARNING_WEEKS)
    told = judge(life, since_at, weeks.visits[-1].ended_at or since_at, rules).anomalies
    episodes = [episode for episode in weeks.episodes if episode.ended_at > since_at]
    return score(told, episodes, TRIAL_WEEKS)


def odd_weeks(random: Random) -> Weeks:
    """The eight weeks of somebody new; on two days of each of the last four something odd happens, if it can."""
    person = draw_person(random)
    kinds = random.sample(KINDS * 2, _ODD_DAYS * TRIAL_WEEKS)
    days = [
        7 * week + day
        for week in range(LEARNING_WEEKS, LEARNING_WEEKS + TRIAL_WEEKS)
        for day in random.sample(range(7), _ODD_DAYS)
    ]
    return live(person, random, 7 * (LEARNING_WEEKS + TRIAL_WEEKS), dict(zip(days, kinds, strict=True)))
