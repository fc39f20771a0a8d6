"""Movement features: what one phone did in each window of five minutes. Pure; numpy only.

Training, the SageMaker endpoint and scoring all call `window_features`, so a model never meets features that were
made another way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FEATURES", "FEATURES_VERSION", "SPEED_LIKE", "WINDOW_S", "Windows", "join", "to_model", "window_features"]

FEATURES_VERSION = 1
"""Changes whenever a feature's meaning does; a model refuses features of another version."""

WINDOW_S = 300
"""Length of a window in seconds. Windows begin at multiples of it since 1970, UTC."""

MIN_STEPS = 3
"""A window with fewer steps (pairs of consecutive fixes) says too little and is left out."""

MOVING_MPS = 0.5
"""A step at least this fast counts as moving."""

FEATURES = (
    "speed_median_mps",
    "speed_p90_mps",
    "speed_max_mps",
    "acceleration_p90_mps2",
    "path_m",
    "beeline_m",
    "reach_m",
    "moving_share",
    "turn_mean_deg",
    "silence_max_s",
)
"""In the order of the columns of `Windows.values`; all are at least 0.

| feature | what |
| --- | --- |
| `speed_…_mps` | median, 90th percentile and maximum of the steps' speeds (beeline over time) |
| `acceleration_p90_mps2` | 90th percentile of the speed's change from step to step, over the step's time |
| `path_m` | sum of the steps |
| `beeline_m` | from the first step's beginning to the last step's end |
| `reach_m` | root mean square distance of the fixes from their centre |
| `moving_share` | share of the time spent in steps of at least 0.5 m/s |
| `turn_mean_deg` | mean change of direction between steps that move, 0 to 180 |
| `silence_max_s` | longest step |
"""

SPEED_LIKE = tuple(name for name in FEATURES if name.endswith(("_mps", "_mps2", "_m")))
"""Features that grow in proportion when somebody makes the same way faster and longer."""

_EARTH_RADIUS_M = 6_371_008.8

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Windows:
    """Features of `n` windows.

    Attributes:
        device_id: shape `(n,)`, text.
        started_ms: shape `(n,)`, beginning of each window, milliseconds since 1970, UTC.
        values: shape `(n, len(FEATURES))`, in the units that the names tell; finite, at least 0.
        fixes_left_out: fixes without a usable place, repeated, or in windows that say too little.
    """

    device_id: Texts
    started_ms: Integers
    values: Floats
    fixes_left_out: int

    def __len__(self) -> int:
        return len(self.started_ms)

    def take(self, chosen: npt.NDArray[np.bool_]) -> Windows:
        """The windows where `chosen` is true."""
        return Windows(self.device_id[chosen], self.started_ms[chosen], self.values[chosen], self.fixes_left_out)


def join(parts: list[Windows]) -> Windows:
    """All the windows of all the parts."""
    if not parts:
        return _no_windows(0)
    return Windows(
        np.concatenate([part.device_id for part in parts]),
        np.concatenate([part.started_ms for part in parts]),
        np.concatenate([part.values for part in parts]),
        sum(part.fixes_left_out for part in parts),
    )


def window_features(device_id: Texts, fixed_ms: Integers, latitude_deg: Floats, longitude_deg: Floats) -> Windows:
    """The features of every window that has enough steps.

    A step joins two consecutive fixes of one phone that are at most a window apart, and belongs to the window it
    ends in. The order of the input does not matter. Of fixes with equal time the first by place counts.

    Args:
        device_id: shape `(m,)`.
        fixed_ms: shape `(m,)`, milliseconds since 1970, UTC.
        latitude_deg: shape `(m,)`, WGS 84; others than -90 to 90 are left out.
        longitude_deg: shape `(m,)`, WGS 84; others than -180 to 180 are left out.
    """
    fix_total = len(fixed_ms)
    usable = (np.abs(latitude_deg) <= 90.0) & (np.abs(longitude_deg) <= 180.0)
    names, device = np.unique(device_id[usable].astype(str), return_inverse=True)
    at_ms, lat, lon = fixed_ms[usable], np.radians(latitude_deg[usable]), np.radians(longitude_deg[usable])
    order = np.lexsort((lon, lat, at_ms, device))
    device, at_ms, lat, lon = device[order], at_ms[order], lat[order], lon[order]
    fresh = _differs_from_before(device, at_ms)
    device, at_ms, lat, lon = device[fresh], at_ms[fresh], lat[fresh], lon[fresh]

    silence_s = np.diff(at_ms) / 1000.0
    begin = np.flatnonzero((device[1:] == device[:-1]) & (silence_s <= WINDOW_S))
    owner, window = device[begin + 1], at_ms[begin + 1] // (WINDOW_S * 1000)
    sizes = np.diff(np.append(np.flatnonzero(_differs_from_before(owner, window)), len(begin)))
    enough = sizes >= MIN_STEPS
    kept = np.repeat(enough, sizes)
    begin, owner, window, sizes = begin[kept], owner[kept], window[kept], sizes[enough]
    if len(begin) == 0:
        return _no_windows(fix_total)
    starts = np.cumsum(sizes) - sizes
    end = begin + 1
    steps = _Steps(starts, sizes, silence_s[begin], lat[begin], lon[begin], lat[end], lon[end])
    return Windows(
        names[owner[starts]].astype(object), window[starts] * (WINDOW_S * 1000), _values(steps), fix_total - len(end)
    )


def _differs_from_before(first: Integers, second: Integers) -> npt.NDArray[np.bool_]:
    """Where a pair of values is another than the pair before it; the first pair always is."""
    differs = np.ones(len(first), dtype=bool)
    differs[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return differs


def _no_windows(fixes_left_out: int) -> Windows:
    empty = np.empty(0, dtype=np.int64)
    return Windows(np.empty(0, dtype=object), empty, np.empty((0, len(FEATURES))), fixes_left_out)


def to_model(values: Floats) -> Floats:
    """What the model sees: logarithms, so that ten times faster is as far from twice as twice is from slow."""
    return np.log1p(values)


@dataclass(frozen=True)
class _Steps:
    """Steps in order, window by window: `starts` and `sizes` say which are whose; places in radians."""

    starts: Integers
    sizes: Integers
    silence_s: Floats
    lat1: Floats
    lon1: Floats
    lat2: Floats
    lon2: Floats


def _values(steps: _Steps) -> Floats:
    """Shape `(windows, features)`."""
    starts, sizes, silence_s = steps.starts, steps.sizes, steps.silence_s
    last = starts + sizes - 1
    length_m = _distance_m(steps.lat1, steps.lon1, steps.lat2, steps.lon2)
    speed_mps = length_m / silence_s
    is_moving = speed_mps >= MOVING_MPS
    follows = np.ones(len(silence_s), dtype=bool)
    follows[starts] = False
    acceleration_mps2 = np.where(follows, np.abs(np.diff(speed_mps, prepend=0.0)) / silence_s, 0.0)
    has_turn = follows & is_moving & np.roll(is_moving, 1)
    turn_deg = np.where(has_turn, _turn_deg(steps), 0.0)
    columns = {
        "speed_median_mps": _quantile(speed_mps, steps, 0.5),
        "speed_p90_mps": _quantile(speed_mps, steps, 0.9),
        "speed_max_mps": np.maximum.reduceat(speed_mps, starts),
        "acceleration_p90_mps2": _quantile(acceleration_mps2, steps, 0.9),
        "path_m": np.add.reduceat(length_m, starts),
        "beeline_m": _distance_m(steps.lat1[starts], steps.lon1[starts], steps.lat2[last], steps.lon2[last]),
        "reach_m": _reach_m(steps),
        "moving_share": np.add.reduceat(np.where(is_moving, silence_s, 0.0), starts)
        / np.add.reduceat(silence_s, starts),
        "turn_mean_deg": np.add.reduceat(turn_deg, starts)
        / np.maximum(np.add.reduceat(has_turn.astype(np.float64), starts), 1.0),
        "silence_max_s": np.maximum.reduceat(silence_s, starts),
    }
    return np.column_stack([columns[name] for name in FEATURES])


def _distance_m(lat1: Floats, lon1: Floats, lat2: Floats, lon2: Floats) -> Floats:
    """Great-circle distance (haversine) between places in radians, metres."""
    chord = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    result: Floats = 2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
    return result


def _reach_m(steps: _Steps) -> Floats:
    """Root mean square distance from the centre, by the mean of the points in space (so 180° is no seam)."""
    lat, lon = steps.lat2, steps.lon2
    point = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    centre = np.add.reduceat(point, steps.starts, axis=0) / steps.sizes[:, None]
    off = point - np.repeat(centre, steps.sizes, axis=0)
    result: Floats = _EARTH_RADIUS_M * np.sqrt(np.add.reduceat((off**2).sum(axis=1), steps.starts) / steps.sizes)
    return result


def _turn_deg(steps: _Steps) -> Floats:
    """Each step's change of direction from the step before, 0 to 180 degrees."""
    east = steps.lon2 - steps.lon1
    course = np.arctan2(
        np.sin(east) * np.cos(steps.lat2),
        np.cos(steps.lat1) * np.sin(steps.lat2) - np.sin(steps.lat1) * np.cos(steps.lat2) * np.cos(east),
    )
    result: Floats = np.degrees(np.abs((np.diff(course, prepend=0.0) + np.pi) % (2 * np.pi) - np.pi))
    return result


def _quantile(values: Floats, steps: _Steps, share: float) -> Floats:
    """The value at `share` of each window's sorted values (the lower one between two)."""
    group = np.repeat(np.arange(len(steps.sizes)), steps.sizes)
    ordered = values[np.lexsort((values, group))]
    result: Floats = ordered[steps.starts + np.floor(share * (steps.sizes - 1)).astype(np.int64)]
    return result
