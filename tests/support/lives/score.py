"""How well what was told fits what was odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from itrack.mobility import Anomaly
from tests.support.lives.weeks import Episode

__all__ = ["Score", "score"]

_SLACK = timedelta(minutes=10)


class Score(msgspec.Struct):
    """Counts by kind, over as many people as are added up.

    Attributes:
        found, missed: odd episodes that were told, and that were not.
        false: told without an episode of that kind.
        tolerated: told of an episode that may be told.
    """

    found: Counter[str] = msgspec.field(default_factory=Counter)
    missed: Counter[str] = msgspec.field(default_factory=Counter)
    false: Counter[str] = msgspec.field(default_factory=Counter)
    tolerated: Counter[str] = msgspec.field(default_factory=Counter)
    person_weeks: float = 0.0

    def add(self, other: Score) -> None:
        """Count the other's, too."""
        for name in ("found", "missed", "false", "tolerated"):
            getattr(self, name).update(getattr(other, name))
        self.person_weeks += other.person_weeks

    def recall(self, kind: str) -> float:
        """Of the odd episodes, the share that was told."""
        return self.found[kind] / max(1, self.found[kind] + self.missed[kind])

    def precision(self, kind: str) -> float:
        """Of what was told, the share that was odd."""
        return self.found[kind] / max(1, self.found[kind] + self.false[kind])

    @property
    def false_per_person_week(self) -> float:
        """Of all kinds together."""
        return self.false.total() / self.person_weeks


def score(told: Iterable[Anomaly], episodes: list[Episode], person_weeks: float) -> Score:
    """One person's. Of an episode that is told of twice the second time counts for nothing."""
    result = Score(person_weeks=person_weeks)
    hit: set[int] = set()
    for anomaly in told:
        fitting = [
            number
            for number, episode in enumerate(episodes)
            if episode.kind == anomaly.kind
            and episode.began_at - _SLACK <= anomaly.happened_at <= episode.ended_at + _SLACK
        ]
        if not fitting:
            result.false[anomaly.kind] += 1
        elif all(episodes[number].may for number in fitting):
            result.tolerated[anomaly.kind] += 1
        else:
            hit.update(number for number in fitting if not episodes[number].may)
    for number, episode in enumerate(episodes):
        if not episode.may:
            (result.found if number in hit else result.missed)[episode.kind] += 1
    return result
