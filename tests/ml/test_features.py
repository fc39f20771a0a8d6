"""Features: what people do decides them, not the order, the repeats or the place of their fixes."""

import csv
import gzip
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ml.features import FEATURES, WINDOW_S, Windows, join, window_features
from ml.model import fit

GOAL = Path(__file__).parents[3] / "shared" / "data" / "goal_on_foot_or_driving.csv.gz"
METRE_DEG = 360 / (2 * np.pi * 6_371_008.8)

Fixes = list[tuple[str, int, float, float]]


def features(fixes: Fixes) -> Windows:
    """The windows of `(device, milliseconds, latitude, longitude)` rows."""
    device, at, latitude, longitude = zip(*fixes, strict=True) if fixes else ((), (), (), ())
    return window_features(
        np.array(device, dtype=object),
        np.array(at, dtype=np.int64),
        np.array(latitude, dtype=np.float64),
        np.array(longitude, dtype=np.float64),
    )


def by_name(windows: Windows, row: int = 0) -> dict[str, float]:
    """One window's features by name."""
    return dict(zip(FEATURES, windows.values[row], strict=True))


def straight(speed_mps: float, begins_ms: int = 0, device: str = "a", latitude: float = 0.0) -> Fixes:
    """Eastwards along a parallel for five minutes, a fix every ten seconds."""
    step_deg = speed_mps * 10 * METRE_DEG / np.cos(np.radians(latitude))
    return [(device, begins_ms + 10_000 * n, latitude, 10 + n * step_deg) for n in range(30)]


fixes_strategy = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(-3_000_000_000_000, -2_999_999_000_000),
        st.floats(-90, 90),
        st.floats(-180, 180),
    ),
    max_size=40,
)


def test_a_steady_walk_has_the_features_one_can_work_out() -> None:
    """Speeds, way and reach of a straight walk at 1.5 m/s are what a pencil says."""
    found = by_name(features(straight(1.5)))
    assert found["speed_median_mps"] == pytest.approx(1.5, rel=1e-6)
    assert found["speed_max_mps"] == pytest.approx(1.5, rel=1e-6)
    assert found["path_m"] == found["beeline_m"] == pytest.approx(435, rel=1e-6)
    assert found["moving_share"] == 1
    assert found["acceleration_p90_mps2"] == pytest.approx(0, abs=1e-6)
    assert found["turn_mean_deg"] == pytest.approx(0, abs=1e-4)
    assert found["silence_max_s"] == 10
    assert found["reach_m"] == pytest.approx(15 * np.std(np.arange(29)), rel=1e-6)


def test_there_and_back_is_a_long_way_and_a_short_beeline() -> None:
    """A walk that returns has its turn in it, and ends where it began."""
    out = straight(1.0)[:15]
    back = [("a", 10_000 * (15 + n), 0.0, out[13 - n][3]) for n in range(14)]
    found = by_name(features(out + back))
    assert found["beeline_m"] == pytest.approx(0, abs=1e-6)
    assert found["path_m"] == pytest.approx(280, rel=1e-6)
    assert found["turn_mean_deg"] == pytest.approx(180 / 27, rel=1e-3)


def test_standing_still_is_all_zeros_but_the_silence() -> None:
    """A phone on a table moves nowhere."""
    found = by_name(features([("a", 10_000 * n, 52.0, 13.0) for n in range(30)]))
    assert found.pop("silence_max_s") == 10
    assert all(value == pytest.approx(0, abs=1e-6) for value in found.values())


def test_crossing_the_date_line_is_a_small_step() -> None:
    """180° is no seam: a walk over it has the features of any other walk."""
    there = [
        ("a", at, latitude, (longitude - 10 + 179.999 + 180) % 360 - 180) for _, at, latitude, longitude in straight(5)
    ]
    assert by_name(features(there)) == pytest.approx(by_name(features(straight(5))), rel=1e-4, abs=1e-3)


@given(fixes_strategy, st.randoms())
def test_the_order_and_repeats_of_fixes_do_not_matter(fixes: Fixes, random: object) -> None:
    """Late and repeated fixes give the same features."""
    mixed = fixes + fixes
    random.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = features(fixes), features(mixed)
    assert first.device_id.tolist() == second.device_id.tolist()
    assert first.started_ms.tolist() == second.started_ms.tolist()
    assert np.array_equal(first.values, second.values)


@given(fixes_strategy)
def test_features_are_finite_and_not_negative(fixes: Fixes) -> None:
    """No place or clock, however odd, gives NaN, infinity or less than nothing."""
    windows = features(fixes)
    assert np.isfinite(windows.values).all()
    assert (windows.values >= 0).all()
    assert 0 <= windows.fixes_left_out <= len(fixes)
    assert (windows.started_ms % (WINDOW_S * 1000) == 0).all()


@given(fixes_strategy)
def test_phones_do_not_mix(fixes: Fixes) -> None:
    """What one phone does changes nothing for another."""
    together = features(fixes)
    apart = join([features([fix for fix in fixes if fix[0] == device]) for device in ("a", "b")])
    assert np.array_equal(together.values, apart.values)


def test_places_that_are_none_are_left_out() -> None:
    """NaN and impossible degrees are counted, not computed with."""
    odd: Fixes = [("a", 1_000, float("nan"), 10.0), ("a", 2_000, 91.0, 10.0), ("a", 3_000, 0.0, float("inf"))]
    clean, dirty = features(straight(1.0)), features(straight(1.0) + odd)
    assert np.array_equal(clean.values, dirty.values)
    assert dirty.fixes_left_out == clean.fixes_left_out + 3


def test_a_long_silence_is_no_step() -> None:
    """Nobody flew: the way over a silence of hours is not counted as movement."""
    later = [(device, at + 7_200_000, latitude, longitude + 5) for device, at, latitude, longitude in straight(1.0)]
    assert features(straight(1.0) + later).values[:, FEATURES.index("speed_max_mps")].max() < 1.1


def test_nothing_gives_no_windows() -> None:
    """An empty day is not an error."""
    assert len(features([])) == len(join([])) == 0


def test_a_model_of_walking_finds_driving_unusual() -> None:
    """On real labelled recordings, windows of driving rank above unseen windows of walking."""
    if not GOAL.exists():
        pytest.skip(f"the labelled recordings are not at {GOAL}")
    with gzip.open(GOAL, "rt") as file:
        rows = list(csv.DictReader(file))
    at = [round(datetime.fromisoformat(row["time_utc"]).timestamp() * 1000) for row in rows]
    windows = features(
        [(row["user_id"], ms, float(row["lat"]), float(row["lon"])) for row, ms in zip(rows, at, strict=True)]
    )
    modes: dict[tuple[str, int], set[str]] = {}
    for row, ms in zip(rows, at, strict=True):
        modes.setdefault((row["user_id"], ms // 300_000 * 300_000), set()).add(row["mode"])
    label = [modes[device, begin] for device, begin in zip(windows.device_id, windows.started_ms.tolist(), strict=True)]
    walks = np.array([mode == {"walk"} for mode in label])
    drives = np.array([mode == {"car"} for mode in label]) & (windows.values[:, 0] > 5)
    learnt = walks & np.isin(windows.device_id.astype(str), np.unique(windows.device_id.astype(str))[::2])
    model = fit(windows.take(learnt), trees=100, unusual_share=0.01, seed=7)
    unseen = (walks & ~learnt) | drives
    scores = model.score(windows.take(unseen))
    assert drives.sum() > 50
    assert roc_auc_score(drives[unseen], scores.unusual_pct) > 0.95
    assert scores.is_unusual[~drives[unseen]].mean() < 0.05
