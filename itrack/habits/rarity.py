"""Rare trips: those that an isolation forest sets apart from a person's others."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import IsolationForest

from itrack.habits.slots import SLOTS

__all__ = ["Rarity", "TripShape"]

_TREES = 50
_SAMPLES = 128
_SEED = 7
_LEAST = 30


class TripShape(NamedTuple):
    """What the forest sees of a trip, or of a part of one.

    Attributes:
        slot: time of day of its beginning, in slots.
        is_weekend: Saturday or Sunday.
        metres, seconds: how long it is and lasts.
    """

    slot: int
    is_weekend: bool
    metres: float
    seconds: float

    @property
    def features(self) -> tuple[float, ...]:
        """Time of day as a point on a circle, so that midnight is no edge; lengths and speeds as logarithms."""
        angle = slot_angle(self.slot)
        metres, seconds = max(1.0, self.metres), max(1.0, self.seconds)
        return math.sin(angle), math.cos(angle), float(self.is_weekend), math.log(metres), math.log(metres / seconds)


def slot_angle(slot: int) -> float:
    """Time of day as an angle."""
    return 2 * math.pi * (slot % SLOTS) / SLOTS


class Rarity:
    """An isolation forest over a person's trips, small and always grown from the same seed.

    Source: Liu, Ting & Zhou, "Isolation forest", 2008.

    Args:
        shapes: of the trips.
        share: how many of them it takes for rare (scikit-learn's `contamination`).
    """

    def __init__(self, shapes: list[TripShape], share: float) -> None:
        self._forest: IsolationForest | None = None
        if len(shapes) >= _LEAST:
            forest = IsolationForest(
                n_estimators=_TREES,
                max_samples=min(_SAMPLES, len(shapes)),
                contamination=min(0.5, share),
                random_state=_SEED,
            )
            self._forest = forest.fit(np.array([shape.features for shape in shapes]))

    def is_rare(self, shape: TripShape) -> bool:
        """Whether the trip is set apart. While too few are known to tell, none is."""
        if self._forest is None:
            return False
        return bool(self._forest.predict(np.array([shape.features]))[0] < 0)
