"""The measuring of a way as a fold: whatever comes, in whatever pieces, its state stays sound."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from itrack.trajectory.compiled import compiled
from itrack.trajectory.path import PATH, add, begin, finish, length_m, measured
from itrack.trajectory.progress import settle
from simulator.walking.path import Knot, Path
from tests.support.walks import POINT, Errors, Kind, joined, recorded, seeded, way

MILD = [Errors(outlier_share=0), Errors(sigma_m=5), Errors(sigma_m=5, memory=0.9, claim=1.0)]
WILD = Errors(sigma_m=20, memory=0.98, is_per_second=True)

RECIPES = st.tuples(
    st.sampled_from(list(Kind)), st.sampled_from([1, 5, 15, 60]), st.sampled_from([*MILD, WILD]), st.integers(0, 10_000)
)
MILD_RECIPES = st.tuples(
    st.sampled_from(list(Kind)), st.sampled_from([1, 5, 15]), st.sampled_from(MILD), st.integers(0, 10_000)
)

any_float = st.floats(allow_nan=True, allow_infinity=True)
on_earth = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
nearby = st.tuples(st.floats(46.99, 47.01), st.floats(7.99, 8.01))
steps_ms = st.integers(0, 10**7) | st.just(0) | st.integers(0, 2**53)
readings = st.lists(st.tuples(steps_ms, on_earth | nearby | st.tuples(any_float, any_float), any_float), max_size=60)


def made(recipe: tuple[Kind, int, Errors, int], **place: Any) -> NDArray[Any]:
    kind, interval_s, errors, seed = recipe
    random = seeded(kind, seed)
    return recorded(random, way(random, kind), interval_s, errors, **place).points


def new_path() -> Any:
    return np.zeros(1, PATH).view(np.recarray)[0]


@compiled
def add_all(path: Any, points: Any) -> None:
    for index in range(len(points)):
        add(path, points[index])


@compiled
def settled(path: Any, points: Any, settled_m: Any) -> None:
    for index in range(len(points)):
        add(path, points[index])
        settled_m[index] = path.progress.settled_m


@given(RECIPES, st.lists(st.integers(0, 2000), max_size=6))
@hypothesis_settings(max_examples=40)
def test_any_split_into_calls_leaves_the_same_bytes(recipe: tuple[Kind, int, Errors, int], cuts: list[int]) -> None:
    """A stream in micro-batches, whose state is packed away in between, ends as one pass over the day does."""
    points = made(recipe)
    whole = new_path()
    add_all(whole, points)
    finish(whole)
    pieces = new_path()
    for piece in np.split(points, sorted(min(cut, len(points)) for cut in cuts)):
        pieces = np.frombuffer(bytearray(pieces.tobytes()), PATH).view(np.recarray)[0]
        add_all(pieces, piece)
    finish(pieces)
    assert pieces.tobytes() == whole.tobytes()
    assert length_m(pieces) == measured(points)[0]


@given(RECIPES, st.integers(1, 3))
@hypothesis_settings(max_examples=30)
def test_the_same_fix_again_changes_nothing(recipe: tuple[Kind, int, Errors, int], times: int) -> None:
    """Traccar and replays repeat fixes."""
    points = made(recipe)
    length, outlier_nos = measured(points)
    again, again_nos = measured(np.repeat(points, 1 + times))
    assert again == length
    assert again_nos.tolist() == outlier_nos.tolist()


@given(readings)
@hypothesis_settings(max_examples=300)
def test_whatever_numbers_come_the_length_is_finite_and_settled_length_never_falls(
    given_readings: list[tuple[int, tuple[float, float], float]],
) -> None:
    """Hostile phones: places that are none, silences of millennia, a hundred fixes at one instant, claims of NaN."""
    points = np.zeros(len(given_readings), POINT)
    at_ms = -(2**40)
    for number, (step_ms, (latitude_deg, longitude_deg), accuracy_m) in enumerate(given_readings):
        at_ms += step_ms
        with np.errstate(over="ignore"):
            points[number] = (at_ms, 0, number, latitude_deg, longitude_deg, accuracy_m, math.nan, math.nan, 0, -1)
    path = new_path()
    settled_m = np.zeros(len(points))
    settled(path, points, settled_m)
    before = length_m(path)
    assert math.isfinite(before)
    assert before >= path.progress.settled_m >= 0
    assert (np.diff(settled_m) >= 0).all()
    finish(path)
    assert math.isfinite(length_m(path))
    assert length_m(path) >= max(settled_m, default=0.0)
    assert length_m(path) == path.progress.settled_m


@given(MILD_RECIPES, st.floats(0, 6.28))
@hypothesis_settings(max_examples=30)
def test_the_direction_does_not_matter(recipe: tuple[Kind, int, Errors, int], turned_rad: float) -> None:
    """North is no other than east."""
    assert measured(made(recipe, turned_rad=turned_rad))[0] == pytest.approx(measured(made(recipe))[0], rel=0.03, abs=5)


def test_turning_on_the_heel_is_measured_the_same_in_every_direction() -> None:
    """A turn by half a circle is to the left or to the right by chance; nothing may hang on which."""
    places = [(0, 0), (0, 300), (0, 0), (120, 0), (120, 200), (120, 0), (-100, 0), (300, 0)]
    knots = [Knot(0.0, 0.0, 0.0)]
    for before, place in pairwise(places):
        knots.append(Knot(knots[-1].at_s + math.dist(before, place) / 1.35, *place))
    for interval_s in (1, 15, 30):
        lengths = [
            measured(
                recorded(seeded("heel"), Path(knots), interval_s, Errors(outlier_share=0), turned_rad=number / 3).points
            )[0]
            for number in range(19)
        ]
        assert max(lengths) == pytest.approx(min(lengths), rel=0.002)


@given(MILD_RECIPES, st.sampled_from([(0.0, 0.0), (0.0, 179.99), (-47.0, -179.995), (70.0, 180.0), (85.0, 20.0)]))
@hypothesis_settings(max_examples=40)
def test_the_place_on_earth_does_not_matter(recipe: tuple[Kind, int, Errors, int], centre: tuple[float, float]) -> None:
    """At the equator, across the date line, far north: a metre is a metre.

    Where meridians are close, a few kilometres on a plane are no longer quite those on the Earth.
    """
    assert measured(made(recipe, centre=centre))[0] == pytest.approx(measured(made(recipe))[0], rel=0.03, abs=5)


@given(RECIPES, st.integers(-(2**41), 2**41))
@hypothesis_settings(max_examples=20)
def test_the_year_does_not_matter(recipe: tuple[Kind, int, Errors, int], shift_ms: int) -> None:
    """Times are only ever compared with each other, to the millisecond."""
    points = made(recipe)
    length = measured(points)[0]
    points["at_ms"] += shift_ms
    assert measured(points)[0] == length


@given(st.integers(0, 1000), st.floats(0.5, 4))
@hypothesis_settings(max_examples=20)
def test_without_errors_a_way_twice_as_large_is_twice_as_long(seed: int, scale: float) -> None:
    """There is no length from which on corners would be cut."""
    random = seeded(seed)
    path = way(random, Kind.STREET)
    exact = recorded(random, path, 2, Errors(outlier_share=0))
    scaled = exact.points.copy()
    for name in ("latitude_deg", "longitude_deg"):
        first = exact.points[name][0]
        scaled[name] = first + scale * (exact.points[name] - first)
    assert measured(scaled)[0] == pytest.approx(scale * exact.true_m, rel=0.02)


def test_a_correction_alone_takes_no_settled_length_back() -> None:
    """The excess of a chord may be known only after the chord has settled."""
    path = new_path()
    path.progress.settled_m = 100.0
    path.progress.pending_m = -5.0
    settle(path.progress, 10.0, 0j, True)
    assert path.progress.settled_m == 100.0


def test_few_fixes_are_a_way_too() -> None:
    """None, one, two and three: the steps between them, and no more."""
    points = made((Kind.STREET, 15, Errors(outlier_share=0), 1))
    assert measured(points[:0])[0] == 0
    assert measured(points[:1])[0] == 0
    for count in (2, 3):
        straight_m = 15 * 1.35 * (count - 1)
        assert measured(points[:count])[0] == pytest.approx(straight_m, rel=0.4)


def test_state_of_the_size_of_a_device_does_not_grow() -> None:
    """It is rewritten in every micro-batch, and multiplied by every device."""
    assert PATH.itemsize <= 448


def test_a_million_fixes_at_one_instant_end() -> None:
    """A broken clock stops time, not the program: neither length nor state overflows."""
    random = np.random.default_rng(1)
    points = np.zeros(1_000_000, POINT)
    points["latitude_deg"] = 47 + random.normal(0, 1e-4, len(points))
    points["longitude_deg"] = 8 + random.normal(0, 1e-4, len(points))
    assert math.isfinite(measured(points)[0])


def test_begin_forgets_the_way_before() -> None:
    """A device's record is used again for its next way."""
    first, second = (made((Kind.STREET, 5, Errors(sigma_m=5), seed)) for seed in (1, 2))
    path = new_path()
    add_all(path, first)
    finish(path)
    begin(path)
    add_all(path, second)
    finish(path)
    assert length_m(path) == measured(second)[0]


def test_it_works_inside_a_device_state() -> None:
    """The record is a part of a larger one, in an array of them."""

    @compiled
    def fold(states: Any, points: Any) -> float:
        for index in range(len(points)):
            add(states[1].path, points[index])
        finish(states[1].path)
        return length_m(states[1].path)

    points = made((Kind.STREET, 5, Errors(sigma_m=5), 3))
    states = np.zeros(3, np.dtype([("number", "i4"), ("path", PATH)], align=True))
    assert fold(states, points) == measured(points)[0]
    assert not np.frombuffer(states[0].tobytes(), np.uint8).any()


def test_the_length_so_far_is_near_the_truth() -> None:
    """Whoever looks while somebody walks sees a length that lags by no more than a hundred metres."""
    random = seeded("so far")
    one = recorded(random, joined(way(random, Kind.STREET), way(random, Kind.PARK)), 5, Errors(sigma_m=5, memory=0.9))
    path = new_path()
    for count in range(0, len(one.points), 20):
        add_all(path, one.points[count : count + 20])
        until = measured(one.points[: count + 20])[0]
        assert until - 100 <= length_m(path) <= until + 60
