"""Passages: where a person on the move was seen, as often as counting people by cells needs and no oftener."""

from __future__ import annotations

import numpy as np

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import Found, Out, tell
from itrack.trajectory.point import distance_m

__all__ = ["PASSAGE", "pass_by"]

PASSAGE = np.dtype([("at_ms", "i8"), ("latitude_deg", "f8"), ("longitude_deg", "f8"), ("has_begun", "?")], align=True)
"""The newest passage."""

STEP_M = 40.0
"""A person is told of anew after so many metres: a fraction of the smallest cell that people are counted in."""

_PASSAGE = int(Found.PASSAGE)


@compiled
def pass_by(passage: Record, point: Record, rules: Record, out: Out) -> None:
    """A point of somebody who is not known to stay: told in each counting window, and after each step."""
    window_ms = max(1, int(rules.window_s * 1000))
    if (
        passage.has_begun
        and passage.at_ms // window_ms == point.at_ms // window_ms
        and distance_m(passage.latitude_deg, passage.longitude_deg, point.latitude_deg, point.longitude_deg) < STEP_M
    ):
        return
    passage.has_begun = True
    passage.at_ms = point.at_ms
    passage.latitude_deg = point.latitude_deg
    passage.longitude_deg = point.longitude_deg
    row = tell(out, _PASSAGE, point.at_ms, point.at_ms, point.server_ms)
    row.latitude_deg = point.latitude_deg
    row.longitude_deg = point.longitude_deg
