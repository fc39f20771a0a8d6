"""When a person came to a place and when they left it, from the places before and after.

Fixes are rarely measured at the very moment. The last place on the way in and the first on the way out are carried
to the stay at the speed of that movement, so a phone that wakes up 150 m from home does not lengthen the stay.
"""

from __future__ import annotations

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.places import distance_between_m, middle_ms, place_at

__all__ = ["came_at", "is_at_core", "leaving_mps"]

_CORE = 0.4
_FASTEST_MPS = 40.0
_SPEED_OVER_MS = 15_000
_SPEED_WITHIN_MS = 120_000


@compiled
def is_at_core(off_m: float, radius_m: float) -> bool:
    """Whether a place so far from the centre of a stay shows the person there, and not on the way in or out."""
    return off_m <= _CORE * radius_m


@compiled
def came_at(trail: Record, first: int, east_m: float, north_m: float, rules: Record) -> tuple[int, int]:
    """When the person came to the place at `east_m`, `north_m` where they are now, and by which place they were there.

    Args:
        trail: TRAIL record.
        first: index of the first place that belongs to the stay, the way in included.
        east_m: of the centre of the stay.
        north_m: likewise.
        rules: RULES record.

    Returns:
        Time (ms) and index of a place.
    """
    index = first
    here = place_at(trail, index)
    off_m = distance_between_m(here.east_m, here.north_m, east_m, north_m)
    while index < trail.size - 1 and not is_at_core(off_m, rules.stop_radius_m):
        index += 1
        here = place_at(trail, index)
        off_m = distance_between_m(here.east_m, here.north_m, east_m, north_m)
    came_ms = here.at_ms
    if index > 0:
        before = place_at(trail, index - 1)
        speed_mps = rules.walking_mps
        if index > 1:
            earlier = place_at(trail, index - 2)
            lasted_ms = middle_ms(before) - middle_ms(earlier)
            if lasted_ms < _SPEED_WITHIN_MS:
                speed_mps = _speed_mps(earlier, before, lasted_ms, speed_mps)
        way_in_m = distance_between_m(before.east_m, before.north_m, east_m, north_m)
        came_ms = min(came_ms + int(1000.0 * off_m / speed_mps), middle_ms(before) + int(1000.0 * way_in_m / speed_mps))
    return max(came_ms, trail.since_ms), index


@compiled
def leaving_mps(trail: Record, first: int, rules: Record) -> float:
    """How fast the person goes away from the place with index `first`, the first outside of a stay."""
    start = place_at(trail, first)
    for index in range(first + 1, trail.size):
        place = place_at(trail, index)
        lasted_ms = middle_ms(place) - middle_ms(start)
        if lasted_ms >= _SPEED_OVER_MS or index == trail.size - 1:
            if lasted_ms < 1000.0 * rules.silence_s:
                return _speed_mps(start, place, lasted_ms, rules.walking_mps)
            break
    return float(rules.walking_mps)


@compiled
def _speed_mps(start: Record, end: Record, lasted_ms: int, least_mps: float) -> float:
    if lasted_ms <= 0:
        return least_mps
    metres = distance_between_m(start.east_m, start.north_m, end.east_m, end.north_m)
    return min(max(1000.0 * metres / lasted_ms, least_mps), _FASTEST_MPS)
