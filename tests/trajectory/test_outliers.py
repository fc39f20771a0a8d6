"""A jump and its return are named as outliers; what people really do is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from itrack.trajectory.path import PATH, add, begin, measured
from tests.support.walks import NOON_MS, POINT, ZURICH, Errors, Kind, recorded, recordings, seeded, way

_METRES_PER_DEGREE = np.radians(1) * 6_371_008.8
EXACT = Errors(outlier_share=0)
NOISY = Errors(sigma_m=3, memory=0.9, outlier_share=0)


def outliers_of(points: NDArray[np.void]) -> list[int]:
    return sorted(measured(points)[1].tolist())


def northward(second: NDArray[np.float64], north_m: NDArray[np.float64]) -> NDArray[np.void]:
    """Fixes on a line to the north, numbered from 0."""
    points = np.zeros(len(second), POINT)
    points["at_ms"] = NOON_MS + np.round(second * 1000).astype(np.int64)
    points["fix_no"] = np.arange(len(second))
    points["latitude_deg"] = ZURICH[0] + north_m / _METRES_PER_DEGREE
    points["longitude_deg"] = ZURICH[1]
    return points


def walked(interval_s: float = 5.0, count: int = 60) -> NDArray[np.void]:
    """A walk north at 1.4 m/s."""
    second = np.arange(count) * interval_s
    return northward(second, 1.4 * second)


def shifted(points: NDArray[np.void], numbers: list[int], east_m: float) -> NDArray[np.void]:
    points["longitude_deg"][numbers] += east_m / (_METRES_PER_DEGREE * np.cos(np.radians(ZURICH[0])))
    return points


@pytest.mark.parametrize("number", [0, 1, 2, 20, 57, 58, 59])
@pytest.mark.parametrize("interval_s", [1.0, 5.0, 10.0])
def test_a_jump_and_its_return_are_an_outlier_wherever_on_the_way(number: int, interval_s: float) -> None:
    """50 m aside and back: too little to be impossible, and named even at the beginning and the end."""
    points = shifted(walked(interval_s), [number], 50.0)
    length_m, outlier_nos = measured(points)
    assert outlier_nos.tolist() == [number]
    assert length_m == pytest.approx(59 * interval_s * 1.4, abs=3 * interval_s)


@pytest.mark.parametrize("numbers", [[20, 21], [20, 21, 22], [20, 30], [20, 22]])
def test_some_outliers_in_a_row_are_all_named(numbers: list[int]) -> None:
    """A receiver may be wrong for two or three fixes before it comes back."""
    assert outliers_of(shifted(walked(), numbers, 60.0)) == numbers


def test_many_outliers_of_a_walk_are_found_and_nothing_else() -> None:
    """Of fixes that are also 5 m off, at least 95 % of the outliers are named; hardly a good one is."""
    found = true = both = 0
    for interval_s in (1, 2, 5, 10):
        for one in recordings(Kind.STREET, interval_s, Errors(sigma_m=5, memory=0.9), count=4, seed="outliers"):
            named = set(outliers_of(one.points))
            found, true, both = found + len(named), true + len(one.outlier_nos), both + len(named & one.outlier_nos)
    assert both >= 0.95 * true
    assert both >= 0.99 * found


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in {Kind.STILL, Kind.CAR}])
@pytest.mark.parametrize("interval_s", [1, 5, 15])
def test_corners_waits_and_curves_are_no_outliers(kind: Kind, interval_s: float) -> None:
    """Whatever people do on foot, running or on a bicycle."""
    for errors in (EXACT, NOISY):
        for one in recordings(kind, interval_s, errors, count=3, seed="none"):
            assert outliers_of(one.points) == []


@pytest.mark.parametrize("interval_s", [1, 5, 15])
def test_a_driver_is_hardly_ever_doubted(interval_s: float) -> None:
    """Setting off, braking and turning by tens of metres between two fixes."""
    made = recordings(Kind.CAR, interval_s, NOISY, count=4, seed="none")
    assert sum(len(outliers_of(one.points)) for one in made) <= 0.01 * sum(len(one.points) for one in made)


@pytest.mark.parametrize("interval_s", [1, 5, 15])
def test_turning_on_the_heel_is_no_outlier(interval_s: float) -> None:
    """Out and back along the same street."""
    there = np.arange(0, 300, interval_s)
    second = np.concatenate([there, 300 + there])
    assert outliers_of(northward(second, 1.4 * np.minimum(second, 600 - second))) == []


def test_a_few_steps_and_back_after_a_long_wait_are_no_outlier() -> None:
    """However long somebody has stood, walking is nothing unusual."""
    second = np.arange(50) * 15.0
    assert outliers_of(northward(second, np.where(second == 600, 20.0, 0.0))) == []


def test_getting_into_a_car_is_no_outlier() -> None:
    """From walking pace to 15 m/s within three fixes."""
    second = np.arange(80) * 5.0
    speed_mps = np.where(second < 200, 1.3, np.minimum(1.3 + (second - 200), 15.0))
    assert outliers_of(northward(second, np.cumsum(speed_mps * 5))) == []


def test_an_outlier_is_named_by_the_third_fix_after_it() -> None:
    """So that its flag need not wait for the way's end."""
    path = np.zeros(1, PATH).view(np.recarray)[0]
    begin(path)
    for number, point in enumerate(shifted(walked(), [20], 50.0).view(np.recarray)):
        add(path, point)
        assert path.outlier_no[: path.outlier_count].tolist() == ([20] if number == 23 else []), number


def test_a_worse_receiver_gets_a_wider_gate() -> None:
    """White errors of 12 m leave single fixes 30 m off: those are its ordinary errors."""
    random = seeded("wide")
    one = recorded(random, way(random, Kind.STREET), 2, Errors(sigma_m=12, outlier_share=0))
    assert len(outliers_of(one.points)) <= 0.005 * len(one.points)
