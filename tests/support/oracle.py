"""trackintel's staypoints: what other people's finished software makes of the same points."""

from __future__ import annotations

import warnings

import geopandas
import numpy as np
import pandas as pd
import trackintel

from tests.support.stop_scores import Span

__all__ = ["trackintel_stops"]


def trackintel_stops(points: np.ndarray, *, radius_m: float, dwell_s: float, gap_s: float) -> list[Span]:
    """Begin and end of each staypoint in seconds since 1970 UTC, the last one included, by the sliding rule."""
    fixes = geopandas.GeoDataFrame(
        {"user_id": 0, "tracked_at": pd.to_datetime(points["at_ms"], unit="ms", utc=True)},
        geometry=geopandas.points_from_xy(points["longitude_deg"], points["latitude_deg"]),
        crs="EPSG:4326",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, stays = trackintel.Positionfixes(fixes).generate_staypoints(
            method="sliding",
            dist_threshold=radius_m,
            time_threshold=dwell_s / 60,
            gap_threshold=gap_s / 60,
            include_last=True,
        )
    return [
        (start.timestamp(), end.timestamp())
        for start, end in zip(stays["started_at"], stays["finished_at"], strict=True)
    ]
