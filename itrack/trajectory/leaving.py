"""How a stay ends: the person is seen far off, or settled elsewhere, or away for too long to be just an error."""

from __future__ import annotations

from itrack.trajectory.arriving import LEAST_PLACES, has_held, look_ms, mark_present
from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.dating import is_at_core, leaving_mps
from itrack.trajectory.places import (
    PLACE_MS,
    PLACES,
    distance_between_m,
    ends_ms,
    fixes_since,
    held_place,
    middle_ms,
    place_at,
    walks_on,
    whereabouts_of,
)
from itrack.trajectory.point import distance_m
from itrack.trajectory.stop_state import BEGAN, ENDED, FOUND, GAP, WITHDRAWN

__all__ = ["is_far", "is_held_away", "leave", "stay_on"]

_FAR_RADII = 3.0
_FAR_FOR_MS = 20_000
"""Errors reach far too, but not for so long."""

_STROLL = 12
"""So many places in a row show a stroll."""

_TOWN_MPS = 3.0
"""What a way through a town takes at most, as the crow flies and waits included."""

_WATCHED_MS = 150_000
_MOST_WEIGHT = 60
"""The centre follows a person who moves about within a place, and one who moves house in the end …"""

_MOST_FRESH = 6
"""… and a place where they were for a minute and longer counts for so many of ten seconds."""


@compiled
def stay_on(stop: Record, rules: Record, told: int) -> int:
    """Judge the newest place: at the stay, away from it, or the one that shows that the person has left.

    Takes and returns what is to be told.
    """
    trail, stay = stop.trail, stop.stay
    newest = place_at(trail, trail.size - 1)
    off_m = distance_between_m(newest.east_m, newest.north_m, stop.east_m, stop.north_m)
    stay.fix_count += 1
    vague_m = stop.accuracy_m if stop.accuracy_m > rules.stop_radius_m else newest.accuracy_m
    if off_m <= max(rules.stop_radius_m, rules.accuracy_sigmas * vague_m):
        stop.away = 0
        fresh = min(max((newest.at_ms - stay.last_ms) // PLACE_MS, 1), _MOST_FRESH)
        stay.last_ms = newest.at_ms
        stop.weight = min(stop.weight + fresh, _MOST_WEIGHT)
        share = fresh / stop.weight
        stop.east_m += (newest.east_m - stop.east_m) * share
        stop.north_m += (newest.north_m - stop.north_m) * share
        stop.accuracy_m += (newest.accuracy_m - stop.accuracy_m) * share
        if is_at_core(off_m, rules.stop_radius_m):
            mark_present(stop, newest.at_ms, off_m)
        if _strolls(stop, rules):
            stop.away = _STROLL - 1
            return leave(stop, rules, told)
    elif stop.away == 0 and newest.may_move == 0 and _is_watched(trail) and off_m <= _FAR_RADII * rules.stop_radius_m:
        stay.last_ms = newest.at_ms  # the place wanders, the phone lies still
    else:
        stop.away += 1
        if _has_left(stop, rules):
            return leave(stop, rules, told)
        if stop.away == PLACES - 1:
            stop.away = 0
    return told


@compiled
def is_far(stop: Record, east_m: float, north_m: float, rules: Record) -> bool:
    """Whether a position is farther from the stay than somebody at it could seem to be."""
    return bool(distance_between_m(east_m, north_m, stop.east_m, stop.north_m) > _FAR_RADII * rules.stop_radius_m)


@compiled
def is_held_away(stop: Record, rules: Record) -> bool:
    """Whether the places away from the stay are one place."""
    return bool(_held_since(stop.trail, stop.trail.size - stop.away, 0.5, rules)[3] >= LEAST_PLACES)


@compiled
def leave(stop: Record, rules: Record, told: int) -> int:
    """End the stay at the first of the places away from it. Takes and returns what is to be told.

    A silence in between counts as staying unless the way to that place fills half of it; then nobody knows, and the
    stay ends with its last fix.
    """
    trail, stay = stop.trail, stop.stay
    first = trail.size - stop.away
    outside = place_at(trail, first)
    speed_mps = leaving_mps(trail, first, rules)
    way_out_m = distance_between_m(outside.east_m, outside.north_m, stop.east_m, stop.north_m)
    way_out_ms = int(1000.0 * way_out_m / speed_mps)
    silent_ms = outside.at_ms - stay.last_ms
    is_unseen = silent_ms >= 1000.0 * rules.silence_s
    has_stayed = not is_unseen or silent_ms >= 2000.0 * way_out_m / min(speed_mps, _TOWN_MPS)
    left_ms = stay.last_ms
    if has_stayed:
        certain_ms = stop.core_ms - int(1000.0 * stop.core_off_m / speed_mps)
        left_ms = max(stay.started_ms, min(outside.at_ms, max(certain_ms, middle_ms(outside) - way_out_ms)))
    is_stop = left_ms - stay.started_ms >= 1000.0 * rules.stop_dwell_s
    if not is_stop:
        left_ms = stay.last_ms
    is_gap = is_unseen and way_out_m > (rules.wake_distance_m if is_stop and has_stayed else 0.0)
    was_told = stop.is_told and not told & BEGAN
    told &= ~BEGAN
    stay.latitude_deg, stay.longitude_deg = whereabouts_of(trail, stop.east_m, stop.north_m)
    trail.since_ms = outside.at_ms if is_unseen else left_ms
    if is_stop:
        told |= ENDED if was_told else FOUND | ENDED
        stay.fix_count = max(stay.fix_count - fixes_since(trail, trail.since_ms), 1)
        stay.ended_ms, stay.last_ms = left_ms, min(stay.last_ms, left_ms)
        stop.left = stay
        stop.may_resume = not is_gap
    elif was_told:
        told |= WITHDRAWN
        stop.withdrawn_ms = stay.started_ms
    if is_gap:
        told |= GAP
        stop.may_resume = False
        stop.gap_from_ms, stop.gap_to_ms = left_ms, outside.at_ms
        latitude_deg, longitude_deg = whereabouts_of(trail, outside.east_m, outside.north_m)
        stop.gap_m = distance_m(stay.latitude_deg, stay.longitude_deg, latitude_deg, longitude_deg)
    stop.is_staying, stop.is_told, stop.away = False, False, 0
    return told


@compiled
def _strolls(stop: Record, rules: Record) -> bool:
    """Whether the newest places show a slow walk that draws the centre along with it."""
    trail = stop.trail
    first = trail.size - _STROLL
    if first < 0 or place_at(trail, first).at_ms < stop.stay.started_ms:
        return False
    start, newest = place_at(trail, first), place_at(trail, trail.size - 1)
    if newest.may_move == 0:
        return False
    if distance_between_m(start.east_m, start.north_m, newest.east_m, newest.north_m) < rules.stop_radius_m:
        return False
    for index in range(first, trail.size):
        place = place_at(trail, index)
        if distance_between_m(place.east_m, place.north_m, stop.east_m, stop.north_m) > rules.stop_radius_m:
            return False
    return walks_on(trail, first, rules.drift_mps)


@compiled
def _has_left(stop: Record, rules: Record) -> bool:
    """Whether the newest places, all away from the stay, show that the person has left."""
    trail = stop.trail
    first = trail.size - stop.away
    newest = place_at(trail, trail.size - 1)
    away_ms = newest.at_ms - place_at(trail, first).at_ms
    if stop.away > 1 and away_ms >= _FAR_FOR_MS and is_far(stop, newest.east_m, newest.north_m, rules):
        return True
    if stop.away < LEAST_PLACES:
        return False
    if away_ms >= look_ms(rules):
        held = _held_since(trail, first, 1.0, rules)
        if held[3] >= LEAST_PLACES and has_held(trail, held, rules)[0]:
            return True
    return bool((away_ms >= 1000.0 * rules.return_s or stop.away == PLACES - 1) and _lies_aside(stop, rules))


@compiled
def _held_since(trail: Record, first: int, share: float, rules: Record) -> tuple[int, float, float, int]:
    """The place that holds the person, looking back no further than the place at an index."""
    since_ms = trail.since_ms
    trail.since_ms = place_at(trail, first).at_ms
    held = held_place(trail, share * rules.stop_radius_m, share * rules.accuracy_sigmas)
    trail.since_ms = since_ms
    return held


@compiled
def _lies_aside(stop: Record, rules: Record) -> bool:
    """Whether the places away from the stay lie to one side of it and not scattered around."""
    east_m = north_m = 0.0
    for index in range(stop.trail.size - stop.away, stop.trail.size):
        place = place_at(stop.trail, index)
        east_m += place.east_m / stop.away
        north_m += place.north_m / stop.away
    return bool(distance_between_m(east_m, north_m, stop.east_m, stop.north_m) > rules.stop_radius_m)


@compiled
def _is_watched(trail: Record) -> bool:
    """Whether the newest place came soon after the one before: nobody was carried off in between."""
    newest, before = place_at(trail, trail.size - 1), place_at(trail, trail.size - 2)
    return bool(newest.at_ms - ends_ms(before) < _WATCHED_MS)
