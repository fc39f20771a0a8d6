"""The sliding rule of the literature, to compare with other implementations of it.

The first point of a candidate is its anchor; a point nearer than the radius belongs to it; a point at the radius or
farther ends it and is the next anchor. It is a stay if it lasted the dwell time, until that point. Sources: Li et al.,
"Mining user similarity based on location history", 2008; Hariharan & Toyama, "Project Lachesis", 2004.
"""

from __future__ import annotations

import math

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import NO_MS
from itrack.trajectory.point import distance_m
from itrack.trajectory.stop_state import BEGAN, ENDED, FOUND, WITHDRAWN

__all__ = ["slide"]


@compiled
def slide(stop: Record, point: Record, rules: Record) -> int:
    """The next point by the sliding rule, as `stops.on_point`. The origin of `trail` is the anchor."""
    stay, anchor = stop.stay, stop.trail
    is_lost = stop.is_staying and point.at_ms - stay.last_ms > 1000.0 * rules.stop_gap_s
    told = 0
    if stop.is_staying and not is_lost:
        off_m = distance_m(anchor.latitude_deg, anchor.longitude_deg, point.latitude_deg, point.longitude_deg)
        has_dwelt = point.at_ms - stay.started_ms >= 1000.0 * rules.stop_dwell_s
        if off_m < rules.stop_radius_m:
            _stay_on(stay, point)
            if has_dwelt and not stop.is_told:
                stop.is_told = True
                return BEGAN
            return 0
        if has_dwelt:
            told = ENDED if stop.is_told else FOUND | ENDED
            stay.ended_ms = point.at_ms
            stop.left = stay
    if stop.is_told and not told:
        told = WITHDRAWN
        stop.withdrawn_ms = stay.started_ms
    stop.is_staying, stop.is_told = True, False
    anchor.latitude_deg = stay.latitude_deg = point.latitude_deg
    anchor.longitude_deg = stay.longitude_deg = point.longitude_deg
    stay.started_ms = stay.last_ms = point.at_ms
    stay.ended_ms = NO_MS
    stay.fix_count = 1
    return told


@compiled
def _stay_on(stay: Record, point: Record) -> None:
    stay.last_ms = point.at_ms
    stay.fix_count += 1
    stay.latitude_deg += (point.latitude_deg - stay.latitude_deg) / stay.fix_count
    off_deg = point.longitude_deg - stay.longitude_deg
    off_deg -= 360.0 * math.floor((off_deg + 180.0) / 360.0)
    longitude_deg = stay.longitude_deg + off_deg / stay.fix_count
    stay.longitude_deg = longitude_deg - 360.0 * math.floor((longitude_deg + 180.0) / 360.0)
