"""All stops of a whole track at once: the stream's own logic, point after point, and nothing but stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import NO_MS
from itrack.trajectory.rules import Rules
from itrack.trajectory.stop_state import ENDED, RESUMED, STAY, STOP
from itrack.trajectory.stops import due_ms, on_point, on_silence

__all__ = ["find_stops"]


def find_stops(points: npt.NDArray[Any], rules: Rules) -> npt.NDArray[Any]:
    """The stops of one phone.

    Args:
        points: POINT records in order of time.
        rules: what they are found by.

    Returns:
        STAY records in order of time. After its last point a phone is silent; the stop that it is then at, if any, is
        the last record, and its `ended_ms` is `NO_MS`.
    """
    stays = np.zeros(len(points) + 2, STAY)
    count = _find(points, np.zeros(1, STOP), rules.record(), stays)
    return stays[:count].copy()


@compiled
def _find(points: npt.NDArray[Any], states: npt.NDArray[Any], rules: Record, stays: npt.NDArray[Any]) -> int:
    count = 0
    stop = states[0]
    for index in range(len(points)):
        told = on_point(stop, points[index], False, rules)
        if told & RESUMED:
            count -= 1
        if told & ENDED:
            stays[count] = stop.left
            count += 1
    if due_ms(stop, rules) != NO_MS:
        told = on_silence(stop, rules)
        if told & RESUMED:
            count -= 1
        if told & ENDED:
            stays[count] = stop.left
            count += 1
    if stop.is_told:
        stays[count] = stop.stay
        count += 1
    return count
