"""The recorded tracks as POINT records."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime
from pathlib import Path

import numpy as np

from itrack.trajectory.point import POINT

__all__ = ["recorded_points"]

_USABLE_M = 100.0


def recorded_points(path: Path) -> dict[str, np.ndarray]:
    """The points of each track in order of time, without those whose claimed error is set aside."""
    rows: dict[str, list[tuple[float, ...]]] = {}
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            at_ms = round(datetime.fromisoformat(row["time_utc"]).timestamp() * 1000)
            accuracy_m = float(row["accuracy_m"] or 0)
            if accuracy_m <= _USABLE_M:
                place = float(row["lat"]), float(row["lon"])
                point = (at_ms, at_ms, at_ms, 0, *place, accuracy_m, np.nan, np.nan, 0, -1, False, 0)
                rows.setdefault(row["user_id"], []).append(point)
    return {name: np.array(sorted(track, key=lambda point: point[0]), POINT) for name, track in rows.items()}
