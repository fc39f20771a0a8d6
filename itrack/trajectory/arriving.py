"""How a stay begins: a place has held the person, or their phone fell silent there."""

from __future__ import annotations

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.dating import came_at
from itrack.trajectory.found import NO_MS
from itrack.trajectory.places import distance_between_m, ends_ms, held_place, place_at, walks_on, whereabouts_of
from itrack.trajectory.point import distance_m
from itrack.trajectory.stop_state import ENDED, FOUND, RESUMED

__all__ = [
    "LEAST_PLACES",
    "has_held",
    "look_ms",
    "mark_present",
    "means_stay",
    "settle",
    "settled_for_ms",
    "stay_if_held",
]

LEAST_PLACES = 3
"""So many places make a mean worth trusting; fewer may be errors."""

_LOOK_S = 120.0


@compiled
def look_ms(rules: Record) -> float:
    """A place that has held a person for so long is looked at as a stay, however long the dwell time is."""
    return float(1000.0 * min(rules.stop_dwell_s, _LOOK_S))


@compiled
def stay_if_held(stop: Record, rules: Record, told: int) -> int:
    """Begin a stay if the place where the person is has held them. Takes and returns what is to be told."""
    held = held_place(stop.trail, rules.stop_radius_m, rules.accuracy_sigmas)
    is_held, east_m, north_m = has_held(stop.trail, held, rules)
    if is_held:
        return _begin(stop, (held[0], east_m, north_m, held[3]), rules, told)
    return told


@compiled
def has_held(trail: Record, held: tuple[int, float, float, int], rules: Record) -> tuple[bool, float, float]:
    """Whether places that belong together (`held_place`) have lasted and do not drift as in a slow walk.

    Returns:
        That, and east and north (m) of the centre of their later half, which the way in does not shift.
    """
    first, east_m, north_m, _ = held
    began_ms = place_at(trail, first).at_ms
    lasted_ms = place_at(trail, trail.size - 1).at_ms - began_ms
    if lasted_ms < look_ms(rules):
        return False, east_m, north_m
    early_east_m = early_north_m = early_ms = late_east_m = late_north_m = late_ms = 0.0
    early = late = 0
    for index in range(first, trail.size):
        place = place_at(trail, index)
        off_m = distance_between_m(place.east_m, place.north_m, east_m, north_m)
        if off_m > max(rules.stop_radius_m, rules.accuracy_sigmas * place.accuracy_m):
            continue
        since_ms = place.at_ms - began_ms
        if 2 * since_ms <= lasted_ms:
            early += 1
            early_east_m += place.east_m
            early_north_m += place.north_m
            early_ms += since_ms
        else:
            late += 1
            late_east_m += place.east_m
            late_north_m += place.north_m
            late_ms += since_ms
    if early == 0 or late == 0:
        return True, east_m, north_m
    late_east_m, late_north_m = late_east_m / late, late_north_m / late
    drift_m = distance_between_m(late_east_m, late_north_m, early_east_m / early, early_north_m / early)
    drift_s = max((late_ms / late - early_ms / early) / 1000.0, 1.0)
    if late >= LEAST_PLACES:
        east_m, north_m = late_east_m, late_north_m
    is_still = drift_m <= rules.drift_mps * drift_s and not walks_on(trail, first, rules.drift_mps)
    return bool(is_still), east_m, north_m


@compiled
def means_stay(silent_ms: int, settled_ms: int, rules: Record) -> bool:
    """Whether such a silence, after having been at a place for so long, means that the person stayed there."""
    return bool(silent_ms >= max(1000.0 * rules.quiet_s, look_ms(rules) - settled_ms))


@compiled
def settled_for_ms(trail: Record, rules: Record) -> int:
    """How long the person had been where their phone measured last."""
    first, east_m, north_m, _ = _settled_place(trail, rules)
    came_ms, _ = came_at(trail, first, east_m, north_m, rules)
    return int(ends_ms(place_at(trail, trail.size - 1)) - came_ms)


@compiled
def settle(stop: Record, rules: Record, told: int) -> int:
    """Begin a stay where the phone measured last. Takes and returns what is to be told."""
    return _begin(stop, _settled_place(stop.trail, rules), rules, told)


@compiled
def mark_present(stop: Record, at_ms: int, off_m: float) -> None:
    """The person was at the stay for certain."""
    stop.core_ms, stop.core_off_m = at_ms, off_m


@compiled
def _settled_place(trail: Record, rules: Record) -> tuple[int, float, float, int]:
    """Narrower than a place that holds a person, and without the way in: who walked until now is at its end."""
    first, _, _, count = held_place(trail, 0.5 * rules.stop_radius_m, 0.5 * rules.accuracy_sigmas)
    middle = trail.size - (trail.size - first + 1) // 2
    east_m = north_m = 0.0
    for index in range(middle, trail.size):
        place = place_at(trail, index)
        east_m += place.east_m / (trail.size - middle)
        north_m += place.north_m / (trail.size - middle)
    return first, east_m, north_m, count


@compiled
def _begin(stop: Record, held: tuple[int, float, float, int], rules: Record, told: int) -> int:
    trail, stay, left = stop.trail, stop.stay, stop.left
    first, east_m, north_m, count = held
    started_ms, core = came_at(trail, first, east_m, north_m, rules)
    newest = place_at(trail, trail.size - 1)
    stop.east_m, stop.north_m, stop.weight = east_m, north_m, count
    stop.is_staying, stop.is_told, stop.away = True, False, 0
    stay.started_ms, stay.ended_ms, stay.last_ms = started_ms, NO_MS, ends_ms(newest)
    stay.latitude_deg, stay.longitude_deg = whereabouts_of(trail, east_m, north_m)
    stay.fix_count = 0
    stop.accuracy_m = 0.0
    for index in range(core, trail.size):
        place = place_at(trail, index)
        stay.fix_count += place.fix_count
        stop.accuracy_m += place.accuracy_m / (trail.size - core)
    mark_present(stop, ends_ms(newest), 0.0)
    if not stop.may_resume or told & FOUND or started_ms - left.ended_ms > 1000.0 * rules.return_s:
        return told
    back_m = distance_m(left.latitude_deg, left.longitude_deg, stay.latitude_deg, stay.longitude_deg)
    return _resume(stop, told) if back_m <= rules.stop_radius_m else told


@compiled
def _resume(stop: Record, told: int) -> int:
    """The person is back where they had hardly left: the stay goes on."""
    stay, left = stop.stay, stop.left
    stay.started_ms, stay.told_ms = left.started_ms, left.told_ms
    stay.fix_count += left.fix_count
    stop.is_told = True
    stop.may_resume = False
    return told & ~ENDED if told & ENDED else told | RESUMED
