"""Measures of a person's movement, as the field defines them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable

import numpy as np
import numpy.typing as npt

from itrack.habits.places import distances_m

__all__ = ["entropy_bits", "radius_of_gyration_m", "steps_of"]


def radius_of_gyration_m(latitudes_deg: npt.NDArray[np.float64], longitudes_deg: npt.NDArray[np.float64]) -> float:
    """How far a person's visits are from their centre: the root of the mean squared distance, in metres.

    Source: González, Hidalgo & Barabási, "Understanding individual human mobility patterns", 2008; with the mean
    coordinates as centre and each visit once, as in scikit-mobility's `radius_of_gyration`. 0 without visits.
    """
    if not len(latitudes_deg):
        return 0.0
    away_m = distances_m(latitudes_deg, longitudes_deg, float(latitudes_deg.mean()), float(longitudes_deg.mean()))
    return float(np.sqrt(np.mean(away_m**2)))


def entropy_bits(visits: Iterable[Hashable]) -> float:
    """How unpredictable it is which place a person visits, in bits: 0 for one place, 1 for two visited equally often.

    Source: Song, Qu, Blumm & Barabási, "Limits of predictability in human mobility", 2010 (the temporal-uncorrelated
    entropy); scikit-mobility's `uncorrelated_entropy`.
    """
    counts = Counter(visits)
    total = counts.total()
    return sum(-count / total * math.log2(count / total) for count in counts.values()) if total else 0.0


def steps_of(walked_m: float, step_length_m: float) -> int:
    """About how many steps a distance on foot takes.

    Source of the usual 0.7 m: Hoeger et al., "One-mile step count at walking and running speeds", 2008 (about 2,250
    steps a mile at 5 km/h). It is an estimate: nobody has counted.
    """
    return round(walked_m / step_length_m)
