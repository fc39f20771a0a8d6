"""Other people's stop finders, each run by the Python that has it: `python stop_peers.py NAME POINTS.npz`.

Prints points per CPU-second of the stop finding alone, at its best, and how many stops it found. Reading the points and
making the tool's own table of them is not counted. 100 m, five minutes, no gap rule, one thread.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Find = Callable[[], int]


def fastmob(points: Any) -> Find:
    from fastmob import stay_locations

    frame = pd.DataFrame(
        {
            "uid": points["phone"],
            "datetime": pd.to_datetime(points["at_ms"], unit="ms"),
            "lat": points["latitude_deg"],
            "lng": points["longitude_deg"],
        }
    )
    return lambda: len(stay_locations(frame, minutes_for_a_stop=5, spatial_radius_km=0.1))


def scikit_mobility(points: Any) -> Find:
    from skmob import TrajDataFrame
    from skmob.preprocessing.detection import stay_locations

    frame = TrajDataFrame(
        pd.DataFrame(
            {
                "uid": points["phone"],
                "datetime": pd.to_datetime(points["at_ms"], unit="ms"),
                "lat": points["latitude_deg"],
                "lng": points["longitude_deg"],
            }
        )
    )
    return lambda: len(stay_locations(frame, stop_radius_factor=0.5, minutes_for_a_stop=5, spatial_radius_km=0.2))


def trackintel(points: Any) -> Find:
    import geopandas
    from trackintel import Positionfixes

    fixes = Positionfixes(
        geopandas.GeoDataFrame(
            {"user_id": points["phone"], "tracked_at": pd.to_datetime(points["at_ms"], unit="ms", utc=True)},
            geometry=geopandas.points_from_xy(points["longitude_deg"], points["latitude_deg"]),
            crs="EPSG:4326",
        )
    )
    rule = {"dist_threshold": 100, "time_threshold": 5, "gap_threshold": 1e9, "include_last": True}
    return lambda: len(fixes.generate_staypoints(method="sliding", **rule)[1])


def movingpandas(points: Any) -> Find:
    import geopandas
    from movingpandas import TrajectoryCollection, TrajectoryStopDetector

    frame = geopandas.GeoDataFrame(
        {"phone": points["phone"], "t": pd.to_datetime(points["at_ms"], unit="ms")},
        geometry=geopandas.points_from_xy(points["longitude_deg"], points["latitude_deg"]),
        crs="EPSG:4326",
    ).set_index("t")
    detector = TrajectoryStopDetector(TrajectoryCollection(frame, "phone"))
    return lambda: len(detector.get_stop_segments(max_diameter=100, min_duration=pd.Timedelta(minutes=5)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    name, file, rounds = sys.argv[1:]
    loaded = np.load(file)
    find = {each.__name__: each for each in (fastmob, scikit_mobility, trackintel, movingpandas)}[name](loaded)
    best_s, stops = float("inf"), 0
    for _ in range(int(rounds)):
        began_s = time.process_time()
        stops = find()
        best_s = min(best_s, time.process_time() - began_s)
    print(json.dumps({"per_s": len(loaded["at_ms"]) / best_s, "stops": stops}))
