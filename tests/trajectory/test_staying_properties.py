"""What holds for every track: hypothesis looks for one for which it does not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from itrack.trajectory.found import NO_MS
from itrack.trajectory.point import POINT
from itrack.trajectory.rules import Rules
from itrack.trajectory.stop_batch import find_stops
from tests.support.stop_points import NOON_MS, Listener, point

RULES = [Rules(), Rules(stop_radius_m=150, stop_dwell_s=600), Rules(stop_dwell_s=30)]
PLAIN = Rules.plain(stop_radius_m=60, stop_dwell_s=300)

steps = st.tuples(
    st.one_of(st.integers(0, 3), st.integers(3, 90), st.integers(90, 20_000)),  # seconds since the point before
    st.one_of(st.floats(-15, 15), st.floats(-120, 120), st.floats(-5000, 5000)),  # metres north of it
    st.sampled_from([0.0, 10.0, 50.0, 100.0]),  # claimed error
    st.sampled_from([float("nan"), 0.0, 0.3, 1.4, 12.0]),  # the phone's speed
    st.sampled_from([-1, 0, 1]),  # its opinion whether it moves
)
rules = st.sampled_from([*RULES, PLAIN])


@st.composite
def tracks(draw: st.DrawFn) -> np.ndarray:
    """People who stay, walk, jump and fall silent."""
    second, north_m, points = 0, 0.0, []
    for pause_s, metres, accuracy_m, speed_mps, is_moving in draw(st.lists(steps, min_size=1, max_size=25)):
        for repeat in range(draw(st.sampled_from([1, 1, 1, 20]))):
            second += pause_s if repeat == 0 else min(pause_s, 60)
            north_m += metres if repeat == 0 else min(max(metres, -7), 7)
            points.append(point(second, north_m, accuracy_m=accuracy_m, speed_mps=speed_mps, is_moving=is_moving))
    return np.array(points, POINT)


def as_told(points: np.ndarray, rules: Rules) -> dict[float, float | None]:
    return {
        (int(stay["started_ms"]) - NOON_MS) / 1000: None
        if stay["ended_ms"] == NO_MS
        else (int(stay["ended_ms"]) - NOON_MS) / 1000
        for stay in find_stops(points, rules)
    }


@given(tracks(), rules)
@hypothesis_settings(max_examples=300)
def test_stays_come_in_order_last_the_dwell_time_and_lie_in_the_track(points: np.ndarray, rules: Rules) -> None:
    """No stay overlaps another, none is shorter than asked for, none has no fix or lies elsewhere."""
    stays = find_stops(points, rules)
    ended = stays[stays["ended_ms"] != NO_MS]
    assert len(stays) - len(ended) <= 1
    assert (ended["ended_ms"] - ended["started_ms"] >= rules.stop_dwell_s * 1000).all()
    assert (stays["started_ms"][1:] >= ended["ended_ms"][: len(stays) - 1]).all()
    assert (stays["started_ms"] >= points["at_ms"][0]).all()
    assert (ended["ended_ms"] <= points["at_ms"][-1]).all()
    assert (stays["last_ms"] <= points["at_ms"][-1]).all()
    assert (ended["last_ms"] <= ended["ended_ms"]).all()
    assert (stays["fix_count"] >= 1).all()
    assert int(stays["fix_count"].sum()) <= len(points)
    assert (stays["latitude_deg"] >= points["latitude_deg"].min() - 1e-3).all()
    assert (stays["latitude_deg"] <= points["latitude_deg"].max() + 1e-3).all()


@given(tracks(), rules, st.data())
@hypothesis_settings(max_examples=300)
def test_whoever_follows_the_news_knows_the_same_as_who_looks_at_the_whole(
    points: np.ndarray, rules: Rules, data: st.DataObject
) -> None:
    """At any point, what was told and silence then tells is what the points until then have as a whole."""
    listener = Listener(rules)
    stops_here = data.draw(st.integers(1, len(points)))
    heard = listener.take(points[:stops_here]).waited(1e9)
    assert heard.due_s() is None
    assert heard.stays == as_told(points[:stops_here], rules)


@given(tracks(), rules, st.integers(1, 30))
@hypothesis_settings(max_examples=100)
def test_time_and_points_alone_decide(points: np.ndarray, rules: Rules, hours: int) -> None:
    """The same walk at another hour and received hours later has the same stays, to the millisecond."""
    later = points.copy()
    later["at_ms"] += hours * 3_600_000
    later["server_ms"] += hours * 7_200_000
    moved = find_stops(later, rules)
    stays = find_stops(points, rules)
    assert (moved["started_ms"] - hours * 3_600_000 == stays["started_ms"]).all()
    assert (moved["fix_count"] == stays["fix_count"]).all()


anywhere = st.tuples(
    st.integers(0, 10**7),
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(0, 1e6, width=32),
    st.floats(width=32),
)


@given(st.lists(anywhere, min_size=1, max_size=60), rules)
@hypothesis_settings(max_examples=300)
def test_no_finite_place_breaks_it(places: list[tuple[int, float, float, float, float]], rules: Rules) -> None:
    """Poles, the date line, equal times, absurd errors and speeds: stays have finite centres on Earth."""
    second, rows = 0.0, []
    for pause_ms, latitude_deg, longitude_deg, accuracy_m, speed_mps in places:
        second += pause_ms / 1000
        row = list(point(second, accuracy_m=accuracy_m, speed_mps=speed_mps))
        row[4:6] = latitude_deg, longitude_deg
        rows.append(tuple(row))
    stays = find_stops(np.array(rows, POINT), rules)
    assert (np.abs(stays["latitude_deg"]) <= 90.001).all()
    assert (np.abs(stays["longitude_deg"]) <= 180.001).all()


def test_a_million_fixes_at_one_instant_and_place_are_one_stop() -> None:
    """They are counted and cost no memory."""
    points = np.array([point(0)], POINT).repeat(1_000_000)
    (stay,) = find_stops(points, RULES[0])
    assert stay["fix_count"] == 1_000_000
    assert stay["ended_ms"] == NO_MS
