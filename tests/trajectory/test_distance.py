"""A way's length comes out right, whoever moves, however wrong the fixes are and however often they come."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import datetime
from pathlib import Path as FilePath

import numpy as np
import pytest

from itrack.trajectory.path import measured
from simulator.walking.path import Knot, Path
from tests.support.walks import Errors, Kind, Recording, joined, recorded, recordings, seeded, stay, way

CORRELATED = Errors(sigma_m=5, memory=0.9)
CLEAN = Errors(outlier_share=0)
ERRORS = {
    "outliers alone": Errors(),
    "white 3 m": Errors(sigma_m=3),
    "white 5 m": Errors(sigma_m=5),
    "white 8 m": Errors(sigma_m=8),
    "5 m, 0.7 a fix": Errors(sigma_m=5, memory=0.7),
    "5 m, 0.9 a fix": CORRELATED,
    "5 m, 0.9 a second": Errors(sigma_m=5, memory=0.9, is_per_second=True),
    "5 m, 0.98 a second": Errors(sigma_m=5, memory=0.98, is_per_second=True),
    "town: 10 m on the mean": Errors(sigma_m=8, memory=0.95, is_per_second=True, grain_m=2),
}
ON_FOOT = (Kind.STREET, Kind.PARK)
INTERVALS_S = (1, 2, 5, 10, 15)


def ratios(made: list[Recording]) -> np.ndarray:
    return np.array([measured(one.points)[0] / one.true_m for one in made])


def total(made: list[Recording]) -> float:
    """Measured over true length of all of them together."""
    return sum(measured(one.points)[0] for one in made) / sum(one.true_m for one in made)


@pytest.mark.parametrize("kind", ON_FOOT)
@pytest.mark.parametrize("interval_s", INTERVALS_S)
def test_every_walk_with_correlated_errors_and_outliers_is_within_six_percent(kind: Kind, interval_s: int) -> None:
    """Errors of 5 m that last, and 2 % outliers of 50 m, make raw walks up to four times as long."""
    made = recordings(kind, interval_s, CORRELATED, count=8, seed="each")
    assert 0.95 <= total(made) <= 1.05
    assert ratios(made).min() >= 0.94
    assert ratios(made).max() <= 1.06


@pytest.mark.parametrize("kind", [*ON_FOOT, Kind.RUN, Kind.BICYCLE, Kind.CAR])
@pytest.mark.parametrize("errors", ERRORS.values(), ids=ERRORS.keys())
def test_lengths_are_right_whatever_the_errors_and_the_pace(kind: Kind, errors: Errors) -> None:
    """White or lasting errors of 3 to 10 m, fixes every 1 to 15 s, on foot, running, riding, driving."""
    for interval_s in INTERVALS_S:
        assert 0.95 <= total(recordings(kind, interval_s, errors, count=4, seed="table")) <= 1.05, interval_s


@pytest.mark.parametrize("errors", ERRORS.values(), ids=ERRORS.keys())
def test_rare_fixes_still_tell_a_walk_length(errors: Errors) -> None:
    """At 30 s, 40 m apart, corners between fixes are lost and single errors weigh more."""
    for kind in ON_FOOT:
        assert 0.93 <= total(recordings(kind, 30, errors, count=8, seed="rare")) <= 1.07


@pytest.mark.parametrize("errors", ERRORS.values(), ids=ERRORS.keys())
def test_short_walks_are_right_on_the_whole(errors: Errors) -> None:
    """100 to 300 m: a single one cannot be known to 5 % when fixes are 5 m off, but they are not biased."""
    for interval_s in INTERVALS_S:
        assert 0.93 <= total(recordings(Kind.SHORT, interval_s, errors, count=16, seed="short")) <= 1.08, interval_s


@pytest.mark.parametrize("kind", [*ON_FOOT, Kind.SHORT, Kind.CAR])
def test_without_errors_nothing_is_cut(kind: Kind) -> None:
    """A good receiver's corners and curves are kept."""
    for interval_s in INTERVALS_S:
        made = recordings(kind, interval_s, CLEAN, count=12, seed="clean")
        assert 0.98 <= total(made) <= 1.01, interval_s
        assert ratios(made).min() >= 0.94, interval_s


def test_laps_are_not_taken_for_errors() -> None:
    """Who runs round and round gets nowhere, and has run all the same."""
    for interval_s in (*INTERVALS_S, 30):
        for errors in (CLEAN, CORRELATED, Errors(sigma_m=5)):
            assert 0.92 <= total(recordings(Kind.LAPS, interval_s, errors, count=4, seed="laps")) <= 1.1


@pytest.mark.parametrize("claim", [0.0, 1.0], ids=["no claims", "claims"])
@pytest.mark.parametrize("memory", [0.0, 0.95, 0.983], ids=["white", "20 s", "60 s"])
def test_an_hour_indoors_adds_next_to_nothing(memory: float, claim: float) -> None:
    """Fixes that wander by tens of metres around a table would otherwise add kilometres."""
    for sigma_m, most_m in ((15, 300), (22, 600)):
        for interval_s in (5, 10, 30, 60, 300):
            errors = Errors(sigma_m=sigma_m, memory=memory, is_per_second=True, claim=claim)
            made = recordings(Kind.STILL, interval_s, errors, count=3, seed="still")
            added_m = np.mean([measured(one.points)[0] for one in made])
            assert added_m < min(most_m, 0.1 * np.mean([one.raw_m for one in made]) + 100), (sigma_m, interval_s)


def test_claims_of_a_bad_place_help_against_it() -> None:
    """A phone that says it knows its place to 40 m or so is believed less than one that says nothing."""
    silent, honest = (
        sum(measured(one.points)[0] for one in recordings(Kind.STILL, 5, errors, count=8, seed="claims"))
        for errors in (
            Errors(sigma_m=22, memory=0.983, is_per_second=True),
            Errors(sigma_m=22, memory=0.983, is_per_second=True, claim=1.0),
        )
    )
    assert honest < 0.7 * silent


@pytest.mark.parametrize("interval_s", [1, 5, 10])
def test_a_rest_on_the_way_does_not_shorten_it(interval_s: int) -> None:
    """What is held back during ten minutes on a bench is not held back afterwards."""
    made = []
    for number in range(6):
        random = seeded("rest", interval_s, number)
        path = joined(way(random, Kind.STREET), stay(600), way(random, Kind.PARK))
        made.append(recorded(random, path, interval_s, CORRELATED))
    assert 0.95 <= total(made) <= 1.05


@pytest.mark.parametrize("claim", [0.5, 1.0, 2.0])
def test_claimed_accuracy_may_be_wrong(claim: float) -> None:
    """Phones claim half or twice their error."""
    for kind in ON_FOOT:
        made = recordings(kind, 5, Errors(sigma_m=5, memory=0.9, claim=claim), count=6, seed="claims")
        assert 0.95 <= total(made) <= 1.05


def test_real_walks_are_measured_the_same_through_errors(real_tracks: FilePath) -> None:
    """The shapes of recorded walks, smoothed, with made-up errors on top."""
    ways = _real_ways(real_tracks)
    assert len(ways) == 3
    for name, path in ways.items():
        for errors in (CORRELATED, Errors(sigma_m=5)):
            made = [recorded(seeded(name, number), path, 5, errors) for number in range(4)]
            assert 0.96 <= total(made) <= 1.04, name


def _real_ways(file: FilePath) -> dict[str, Path]:
    """The longest piece without a silence of each recorded walk; a place is the mean of five."""
    rows = defaultdict(list)
    with gzip.open(file, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            rows[row["user_id"]].append(
                (datetime.fromisoformat(row["time_utc"]).timestamp(), float(row["lon"]), float(row["lat"]))
            )
    ways = {}
    for name in ("gpxpy_korita-zbevnica", "gpxpy_cerknicko-jezero", "ti_gpsies_1"):
        track = np.array(rows[name])
        pieces = np.split(track, np.nonzero(np.diff(track[:, 0]) > 60)[0] + 1)
        at_s, east_deg, north_deg = max(pieces, key=len).T
        metres = np.radians(1) * 6_371_008.8
        east_m, north_m = (
            np.convolve((degrees - degrees[0]) * metres * shrunk, np.ones(5) / 5, "valid")
            for degrees, shrunk in ((east_deg, np.cos(np.radians(north_deg[0]))), (north_deg, 1.0))
        )
        ways[name] = Path([Knot(*values) for values in zip(at_s[2:-2] - at_s[2], east_m, north_m, strict=True)])
    return ways
