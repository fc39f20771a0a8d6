"""How right the length of a way comes out, beside the usual ways to measure it, and what a fix costs.

Made-up ways of exactly known length; the bar is 0.95 to 1.05 of it. CPU time of this process, for ratios only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import LineString

from itrack.trajectory.path import PATH, measured
from tests.support.walks import Errors, Kind, Recording, recordings

_WALKS = 10
_METRES_PER_DEGREE = np.radians(1) * 6_371_008.8

ERRORS = {
    "none": Errors(outlier_share=0),
    "outliers": Errors(),
    "white 3 m": Errors(sigma_m=3),
    "white 5 m": Errors(sigma_m=5),
    "white 10 m": Errors(sigma_m=10),
    "0.9/fix 5 m": Errors(sigma_m=5, memory=0.9),
    "0.9/s 5 m": Errors(sigma_m=5, memory=0.9, is_per_second=True),
    "0.98/s 5 m": Errors(sigma_m=5, memory=0.98, is_per_second=True),
    "town 10 m": Errors(sigma_m=8, memory=0.95, is_per_second=True, grain_m=2),
}


def main() -> None:
    """Print the tables."""
    print(f"measured / true length, {_WALKS} ways each; 2 % outliers of 50 m except in the first row")
    for kind, interval_s in (
        (Kind.STREET, 1),
        (Kind.STREET, 5),
        (Kind.STREET, 15),
        (Kind.PARK, 5),
        (Kind.SHORT, 5),
        (Kind.RUN, 5),
        (Kind.BICYCLE, 5),
        (Kind.CAR, 5),
        (Kind.LAPS, 5),
    ):
        print(f"\n{kind}, every {interval_s} s{'':8}", *(f"{name:>13}" for name in METHODS))
        for name, errors in ERRORS.items():
            made = recordings(kind, interval_s, errors, count=_WALKS, seed="benchmark")
            true_m = sum(one.true_m for one in made)
            cells = [sum(map(method, made)) / true_m for method in METHODS.values()]
            print(f"{name:22}", *(f"{cell:12.3f}{' ' if 0.95 <= cell <= 1.05 else '*'}" for cell in cells))
    _still()
    _cost()


def _still() -> None:
    print(f"\nmetres that an hour in one place adds{'':6}", *(f"{name:>13}" for name in METHODS))
    for sigma_m, interval_s in ((15, 10), (22, 10), (30, 10), (22, 60), (22, 300)):
        errors = Errors(sigma_m=sigma_m, memory=0.983, is_per_second=True, claim=1.0)
        made = recordings(Kind.STILL, interval_s, errors, count=_WALKS, seed="benchmark")
        cells = [sum(map(method, made)) / _WALKS for method in METHODS.values()]
        print(f"{sigma_m} m, every {interval_s:3} s{'':26}", *(f"{cell:12.0f} " for cell in cells))


def _cost() -> None:
    made = recordings(Kind.RUN, 1, ERRORS["0.9/fix 5 m"], count=_WALKS, seed="benchmark")
    fixes = sum(len(one.points) for one in made)
    print(f"\nCPU microseconds a fix ({fixes} fixes; state of a device: {PATH.itemsize} bytes)")
    for name, method in METHODS.items():
        method(made[0])
        began_s = time.process_time()
        rounds = 0
        while time.process_time() - began_s < 0.5:
            for one in made:
                method(one)
            rounds += 1
        print(f"{name:14} {(time.process_time() - began_s) / rounds / fixes * 1e6:.3f}")


def _ours(recording: Recording) -> float:
    return measured(recording.points)[0]


def _steps(recording: Recording) -> float:
    return _length_m(_places(recording.points))


def _means_of_five(recording: Recording) -> float:
    return _length_m(_means(_places(recording.points)))


def _medians_of_five(recording: Recording) -> float:
    places = _places(recording.points)
    if len(places) < 5:
        return _length_m(places)
    windows = np.lib.stride_tricks.sliding_window_view(places, 5)
    return _length_m(np.median(windows.real, 1) + 1j * np.median(windows.imag, 1))


def _steps_of_ten_metres(recording: Recording) -> float:
    """As Traccar's `filter.distance` does: fixes nearer than 10 m to the last one kept do not count."""
    places = _places(recording.points)
    kept = [places[0]]
    for place in places:
        if abs(place - kept[-1]) >= 10:
            kept.append(place)
    return _length_m(np.array(kept))


def _simplified(recording: Recording) -> float:
    """Ramer-Douglas-Peucker, 10 m, by shapely, of means of five."""
    places = _means(_places(recording.points))
    if len(places) < 2:
        return 0.0
    return float(LineString(np.column_stack([places.real, places.imag])).simplify(10.0).length)


def _means(places: NDArray[Any]) -> NDArray[Any]:
    return np.convolve(places, np.ones(5) / 5, "valid") if len(places) >= 5 else places


def _places(points: NDArray[Any]) -> NDArray[Any]:
    shrunk = np.cos(np.radians(points["latitude_deg"][0]))
    return _METRES_PER_DEGREE * (points["longitude_deg"] * shrunk + 1j * points["latitude_deg"])


def _length_m(places: NDArray[Any]) -> float:
    return float(np.abs(np.diff(places)).sum())


METHODS: dict[str, Callable[[Recording], float]] = {
    "ours": _ours,
    "steps": _steps,
    "steps of 10 m": _steps_of_ten_metres,
    "means of 5": _means_of_five,
    "medians of 5": _medians_of_five,
    "simplified": _simplified,
}
