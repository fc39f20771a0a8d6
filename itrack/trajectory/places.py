"""Where a person was in the last minutes: a ring of places on a plane, each the mean of the fixes of ten seconds.

A phone that measures every second and one that measures every minute look alike here, and the ring bounds the state.
"""

from __future__ import annotations

import math

import numpy as np

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.point import EARTH_RADIUS_M

__all__ = [
    "PLACES",
    "PLACE_MS",
    "TRAIL",
    "add_place",
    "begins_place",
    "distance_between_m",
    "ends_ms",
    "fixes_since",
    "follow",
    "held_place",
    "middle_ms",
    "place_at",
    "position_of",
    "walks_on",
    "whereabouts_of",
]

PLACES = 20
"""Places in the ring: three minutes of a phone that measures all the time, a day of one that hardly does."""

PLACE_MS = 10_000
_MISSES = 2
_LEAST_STEP_M = 3.0
_LEAST_TURNS = 4
_STRAIGHT = 0.5
_FAR_FROM_ORIGIN_M = 20_000.0
_METRES_PER_DEGREE = math.radians(1.0) * EARTH_RADIUS_M
_LEAST_SHRINK = 1e-6
_MOST_FIXES = 2**30

PLACE = np.dtype(
    [
        ("at_ms", "i8"),
        ("fix_count", "i4"),
        ("east_m", "f4"),
        ("north_m", "f4"),
        ("accuracy_m", "f4"),
        ("span_ms", "i2"),
        ("may_move", "i1"),
        ("is_broken", "?"),
    ],
    align=True,
)
"""The mean of the fixes from `at_ms` on. `is_broken`: no possible movement led to it."""

TRAIL = np.dtype(
    [
        ("latitude_deg", "f8"),
        ("longitude_deg", "f8"),
        ("shrink", "f8"),
        ("since_ms", "i8"),
        ("first", "i4"),
        ("size", "i4"),
        ("places", PLACE, (PLACES,)),
    ],
    align=True,
)
"""The plane's origin, how much a degree of longitude is shorter there than one of latitude, and the ring."""


@compiled
def place_at(trail: Record, index: int) -> Record:
    """The place at an index; 0 is the oldest."""
    return trail.places[(trail.first + index) % PLACES]


@compiled
def ends_ms(place: Record) -> int:
    """When the last fix of the place was measured."""
    return int(place.at_ms + place.span_ms)


@compiled
def middle_ms(place: Record) -> int:
    """When the mean of the place was true."""
    return int(place.at_ms + place.span_ms // 2)


@compiled
def distance_between_m(east_m: float, north_m: float, other_east_m: float, other_north_m: float) -> float:
    """Distance on the plane; right to a thousandth within some kilometres."""
    east_m -= other_east_m
    north_m -= other_north_m
    return math.sqrt(east_m * east_m + north_m * north_m)


@compiled
def begins_place(trail: Record, point: Record, is_broken: bool) -> bool:
    """Whether a point is the first of a new place; a full ring loses its oldest then."""
    return bool(is_broken or trail.size == 0 or point.at_ms - place_at(trail, trail.size - 1).at_ms >= PLACE_MS)


@compiled
def add_place(trail: Record, point: Record, is_broken: bool, may_move: int) -> bool:
    """Add a point, to the newest place or as a new one. Returns whether it is a new one."""
    if trail.size == 0:
        _set_origin(trail, point.latitude_deg, point.longitude_deg)
    east_m, north_m = position_of(trail, point)
    if not begins_place(trail, point, is_broken):
        newest = place_at(trail, trail.size - 1)
        newest.fix_count = min(newest.fix_count + 1, _MOST_FIXES)
        share = 1.0 / newest.fix_count
        newest.east_m += (east_m - newest.east_m) * share
        newest.north_m += (north_m - newest.north_m) * share
        newest.accuracy_m += (point.accuracy_m - newest.accuracy_m) * share
        newest.may_move = max(newest.may_move, may_move)
        newest.span_ms = point.at_ms - newest.at_ms
        return False
    if trail.size == PLACES:
        trail.first = (trail.first + 1) % PLACES
    else:
        trail.size += 1
    place = place_at(trail, trail.size - 1)
    place.at_ms = point.at_ms
    place.span_ms = 0
    place.east_m = east_m
    place.north_m = north_m
    place.accuracy_m = point.accuracy_m
    place.is_broken = is_broken
    place.fix_count = 1
    place.may_move = may_move
    return True


@compiled
def position_of(trail: Record, point: Record) -> tuple[float, float]:
    """East and north of a point on the plane (m)."""
    across_deg = point.longitude_deg - trail.longitude_deg
    if across_deg > 180.0:
        across_deg -= 360.0
    elif across_deg < -180.0:
        across_deg += 360.0
    return (
        across_deg * _METRES_PER_DEGREE * trail.shrink,
        (point.latitude_deg - trail.latitude_deg) * _METRES_PER_DEGREE,
    )


@compiled
def whereabouts_of(trail: Record, east_m: float, north_m: float) -> tuple[float, float]:
    """Latitude and longitude of a position on the plane (degrees)."""
    longitude_deg = trail.longitude_deg + east_m / (_METRES_PER_DEGREE * trail.shrink)
    if longitude_deg > 180.0:
        longitude_deg -= 360.0
    elif longitude_deg < -180.0:
        longitude_deg += 360.0
    return trail.latitude_deg + north_m / _METRES_PER_DEGREE, longitude_deg


@compiled
def fixes_since(trail: Record, at_ms: int) -> int:
    """How many fixes the places from then on have."""
    count = 0
    for index in range(trail.size):
        place = place_at(trail, index)
        if place.at_ms >= at_ms:
            count += place.fix_count
    return count


@compiled
def follow(trail: Record) -> None:
    """Move the plane's origin to the newest place if that has got far from it."""
    newest = place_at(trail, trail.size - 1)
    if max(abs(newest.east_m), abs(newest.north_m)) < _FAR_FROM_ORIGIN_M:
        return
    latitude_deg, shrink = trail.latitude_deg, trail.shrink
    across_deg = -newest.east_m / (_METRES_PER_DEGREE * shrink)
    newest_latitude_deg, newest_longitude_deg = whereabouts_of(trail, newest.east_m, newest.north_m)
    _set_origin(trail, newest_latitude_deg, newest_longitude_deg)
    up_m = (latitude_deg - trail.latitude_deg) * _METRES_PER_DEGREE
    for index in range(trail.size):
        place = place_at(trail, index)
        place.east_m = (across_deg * _METRES_PER_DEGREE + place.east_m / shrink) * trail.shrink
        place.north_m = up_m + place.north_m


@compiled
def held_place(trail: Record, radius_m: float, accuracy_sigmas: float) -> tuple[int, float, float, int]:
    """Where the person is, going back from the newest place for as long as they were there.

    A place belongs to it within `radius_m` of the mean of those after it, or within `accuracy_sigmas` times the error
    that it claims; a single one outside is an error, two are another place.

    Returns:
        Index of the first place, mean east and north (m), and how many places belong to it.
    """
    newest = place_at(trail, trail.size - 1)
    east_m, north_m = float(newest.east_m), float(newest.north_m)
    first, count, misses = trail.size - 1, 1, 0
    for index in range(trail.size - 2, -1, -1):
        place = place_at(trail, index)
        if place.at_ms < trail.since_ms:
            break
        off_m = distance_between_m(place.east_m, place.north_m, east_m, north_m)
        if off_m <= max(radius_m, accuracy_sigmas * place.accuracy_m):
            first, misses = index, 0
            count += 1
            east_m += (place.east_m - east_m) / count
            north_m += (place.north_m - north_m) / count
        else:
            misses += 1
            if misses == _MISSES:
                break
    return first, east_m, north_m, count


@compiled
def walks_on(trail: Record, first: int, least_mps: float) -> bool:
    """Whether the places from an index on follow each other as steps of a walk do, and not as errors do.

    A walk keeps its direction for some steps, also where it winds; errors turn anywhere. Source: the bearing analysis
    of Spang et al., "Making Sense of the Noise", FOSS4G 2022.
    """
    way_m = along = 0.0
    turns = 0
    for index in range(first + 2, trail.size):
        before, here, after = place_at(trail, index - 2), place_at(trail, index - 1), place_at(trail, index)
        come_east_m, come_north_m = here.east_m - before.east_m, here.north_m - before.north_m
        go_east_m, go_north_m = after.east_m - here.east_m, after.north_m - here.north_m
        come_m = math.sqrt(come_east_m * come_east_m + come_north_m * come_north_m)
        go_m = math.sqrt(go_east_m * go_east_m + go_north_m * go_north_m)
        way_m += go_m
        if min(come_m, go_m) >= _LEAST_STEP_M:
            turns += 1
            along += (come_east_m * go_east_m + come_north_m * go_north_m) / (come_m * go_m)
    lasted_s = (place_at(trail, trail.size - 1).at_ms - place_at(trail, first).at_ms) / 1000.0
    return bool(turns >= _LEAST_TURNS and along >= _STRAIGHT * turns and way_m >= least_mps * lasted_s)


@compiled
def _set_origin(trail: Record, latitude_deg: float, longitude_deg: float) -> None:
    trail.latitude_deg = latitude_deg
    trail.longitude_deg = longitude_deg
    trail.shrink = max(math.cos(math.radians(latitude_deg)), _LEAST_SHRINK)
