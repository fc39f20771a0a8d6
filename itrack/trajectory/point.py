"""A point: a fix as the mobility logic works on it, one record of plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.trajectory.compiled import Record, compiled

__all__ = [
    "EARTH_RADIUS_M",
    "POINT",
    "distance_m",
    "fix_id_of",
    "in_ms",
    "instant_of",
    "metres_between",
    "milliseconds_of",
    "points_of",
]

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""

POINT = np.dtype(
    [
        ("at_ms", "i8"),
        ("server_ms", "i8"),
        ("fixed_ms", "i8"),
        ("fix_no", "i8"),
        ("latitude_deg", "f8"),
        ("longitude_deg", "f8"),
        ("accuracy_m", "f4"),
        ("speed_mps", "f4"),
        ("battery_pct", "f4"),
        ("activity", "i1"),
        ("is_moving", "i1"),
        ("is_repeat", "?"),
        ("flag", "i1"),
    ],
    align=True,
)
"""A place at a moment.

| field | meaning |
| --- | --- |
| `at_ms` | event time: when it was measured, never after the server had it; the server's where the clock is wrong |
| `server_ms` | when the server had it (this and the other times: milliseconds since 1970 UTC) |
| `fixed_ms` | when the phone says that it measured the place |
| `fix_no` | the number in the fix's identifier |
| `latitude_deg`, `longitude_deg` | WGS 84 |
| `accuracy_m` | claimed error; 0 when unknown |
| `speed_mps`, `battery_pct` | as the phone gave them; NaN when unknown |
| `activity` | code of the phone's own word: see `ACTIVITIES` |
| `is_moving` | the phone's own opinion: 1, 0, -1 when it has none |
| `is_repeat` | the phone reported without a new place |
| `flag` | what is wrong with it seen alone (`itrack.trajectory.quality`); 0 when nothing is |
"""

ACTIVITIES = {
    "still": 1,
    "walking": 2,
    "on_foot": 2,
    "running": 3,
    "on_bicycle": 4,
    "cycling": 4,
    "in_vehicle": 5,
    "automotive": 5,
}
"""Codes of the words that phones use for what their owner does; every other word is 0, unknown."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_NO = 10**18


def points_of(fixes: Sequence[Fix]) -> npt.NDArray[Any]:
    """The points of fixes, in their order, not yet judged: `flag` is 0, `at_ms` clamped to the server's time.

    Raises:
        SetAside: an identifier does not end with a number.
    """
    points = np.zeros(len(fixes), POINT)
    points["fix_no"] = _fix_nos([fix.fix_id for fix in fixes])
    points["server_ms"] = in_ms([fix.server_at.timestamp() for fix in fixes])
    points["fixed_ms"] = in_ms([fix.fixed_at.timestamp() for fix in fixes])
    np.minimum(points["fixed_ms"], points["server_ms"], out=points["at_ms"])
    points["latitude_deg"] = [fix.latitude_deg for fix in fixes]
    points["longitude_deg"] = [fix.longitude_deg for fix in fixes]
    with np.errstate(over="ignore"):  # what is too large for a small number is infinite
        points["accuracy_m"] = [fix.accuracy_m or 0.0 for fix in fixes]
        points["speed_mps"] = np.array([fix.speed_mps for fix in fixes], np.float64)  # None becomes NaN
        points["battery_pct"] = np.array([fix.battery_pct for fix in fixes], np.float64)
    points["activity"] = [ACTIVITIES.get(fix.activity or "", 0) for fix in fixes]
    points["is_moving"] = [-1 if fix.is_moving is None else fix.is_moving for fix in fixes]
    points["is_repeat"] = [fix.fixed_at != fix.device_at for fix in fixes]
    return points


def fix_no_of(fix_id: str) -> int:
    """The number in a fix's identifier.

    Raises:
        SetAside: there is none.
    """
    text = fix_id.rpartition(":")[2]
    if text.isdecimal() and text.isascii() and (number := int(text)) < _LARGEST_NO:
        return number
    raise SetAside("unknown_fix_id", "an identifier ends with a colon and a number, as Traccar counts positions")


def _fix_nos(fix_ids: Sequence[str]) -> list[int]:
    texts = [fix_id.rpartition(":")[2] for fix_id in fix_ids]
    together = "".join(texts)
    if together.isdecimal() and together.isascii() and len(min(texts, key=len)) > 0 and len(max(texts, key=len)) < 19:
        return [int(text) for text in texts]  # which is quick
    return [fix_no_of(fix_id) for fix_id in fix_ids]


def in_ms(seconds: Sequence[float]) -> npt.NDArray[np.int64]:
    """Whole milliseconds, rounded down; times are kept to the microsecond."""
    return np.rint(np.array(seconds, np.float64) * 1e6).astype(np.int64) // 1000


def fix_id_of(device_id: str, fix_no: int) -> str:
    """The identifier of a fix of that device: both begin with the name of their server."""
    return f"{device_id.rpartition(':')[0]}:{fix_no}"


def milliseconds_of(at: datetime) -> int:
    """Whole milliseconds since 1970 UTC, rounded down."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def instant_of(at_ms: int) -> datetime:
    """The moment so many milliseconds after 1970 UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


@compiled
def distance_m(from_latitude_deg: float, from_longitude_deg: float, latitude_deg: float, longitude_deg: float) -> float:
    """Great-circle distance (haversine) between two places."""
    half_up = math.radians(latitude_deg - from_latitude_deg) / 2
    half_across = math.radians(longitude_deg - from_longitude_deg) / 2
    chord = (
        math.sin(half_up) ** 2
        + math.cos(math.radians(from_latitude_deg)) * math.cos(math.radians(latitude_deg)) * math.sin(half_across) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))


@compiled
def metres_between(start: Record, end: Record) -> float:
    """Distance between two points."""
    return distance_m(start.latitude_deg, start.longitude_deg, end.latitude_deg, end.longitude_deg)
