"""A person's places: clusters of their stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.cluster import DBSCAN

__all__ = ["NOWHERE", "Places", "distances_m"]

NOWHERE = -1
"""No place that is known."""

_EARTH_RADIUS_M = 6_371_008.8

Degrees = npt.NDArray[np.float64]


def distances_m(latitudes_deg: Degrees, longitudes_deg: Degrees, latitude_deg: float, longitude_deg: float) -> Degrees:
    """Great-circle distances to one place (haversine)."""
    north, there = np.radians(latitudes_deg), np.radians(latitude_deg)
    half_north = (north - there) / 2
    half_east = np.radians(longitudes_deg - longitude_deg) / 2
    chord = np.sin(half_north) ** 2 + np.cos(north) * np.cos(there) * np.sin(half_east) ** 2
    metres: Degrees = 2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(1.0, chord)))
    return metres


class Places:
    """The places that stays make: DBSCAN on their centres.

    Source: Ester et al., "A density-based algorithm for discovering clusters in large spatial databases with noise",
    1996; on stays as in trackintel's `generate_locations`.

    Args:
        latitudes_deg, longitudes_deg: of the stays.
        radius_m: stays so close are at one place.
        min_stays: fewer are no place.

    Attributes:
        labels: the place of each stay, `NOWHERE` for none.
    """

    def __init__(self, latitudes_deg: Degrees, longitudes_deg: Degrees, *, radius_m: float, min_stays: int) -> None:
        self._latitudes_deg = latitudes_deg
        self._longitudes_deg = longitudes_deg
        self._radius_m = radius_m
        self.labels: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        if len(latitudes_deg):
            radians = np.radians(np.column_stack([latitudes_deg, longitudes_deg]))
            clusters = DBSCAN(
                eps=radius_m / _EARTH_RADIUS_M, min_samples=min_stays, metric="haversine", algorithm="ball_tree"
            )
            self.labels = clusters.fit_predict(radians).astype(np.int64)

    @property
    def count(self) -> int:
        """How many places there are; they are numbered from 0."""
        return int(self.labels.max(initial=NOWHERE)) + 1

    def of(self, latitude_deg: float, longitude_deg: float) -> int:
        """The place there, `NOWHERE` for none: that of the nearest stay which has one, within the radius."""
        known = self.labels != NOWHERE
        if not known.any():
            return NOWHERE
        away_m = self._away_m(latitude_deg, longitude_deg)
        away_m[~known] = np.inf
        nearest = int(away_m.argmin())
        return int(self.labels[nearest]) if away_m[nearest] <= self._radius_m else NOWHERE

    def _away_m(self, latitude_deg: float, longitude_deg: float) -> Degrees:
        return distances_m(self._latitudes_deg, self._longitudes_deg, latitude_deg, longitude_deg)
