"""Staypoints, found from points as they come and from silence, with the present one always at hand.

A person is under way until a place has held them (`arriving`): for the dwell time, two minutes suffice to look, all
recent places lie within the radius of their mean, and that mean does not drift as in a slow walk. A phone that falls
silent is taken to stay where it was. The person is there until they are seen to leave (`leaving`); silence never ends
a stay. Both ends are then dated (`dating`), so deciding late makes no stay longer, and one that turns out shorter than
the dwell time was none. Why so, and what it reaches: docs/decisions/0008-finding-stops.md.

State is one STOP record. The same points give the same record however they are split into calls. What silence suggests
ahead of the next point is found on a copy (`on_silence`): points that come later are judged without it.
"""

from __future__ import annotations

import math

from itrack.trajectory.arriving import look_ms, means_stay, settle, settled_for_ms, stay_if_held
from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import NO_MS
from itrack.trajectory.leaving import is_far, is_held_away, leave, stay_on
from itrack.trajectory.places import add_place, ends_ms, follow, place_at, position_of, whereabouts_of
from itrack.trajectory.sliding import slide
from itrack.trajectory.stop_state import BEGAN

__all__ = ["due_ms", "on_point", "on_silence"]

_MOVES_MPS, _STILL_MPS = 0.8, 0.5
_TOLD_ENOUGH = 3


@compiled
def on_point(stop: Record, point: Record, is_broken: bool, rules: Record) -> int:
    """Take the next accepted point.

    Args:
        stop: STOP record.
        point: POINT record, no earlier than the one before.
        is_broken: no possible movement led to it.
        rules: RULES record.

    Returns:
        What it made known: bits as in `stop_state`.
    """
    stop.newest_server_ms = max(stop.newest_server_ms, point.server_ms)
    return slide(stop, point, rules) if rules.is_plain else _take(stop, point, is_broken, rules)


@compiled
def due_ms(stop: Record, rules: Record) -> int:
    """When silence alone will make a stop known (server time, ms); `NO_MS` when nothing is awaited.

    The phone's own time goes on as the server's does, from the moment its newest point was received: replayed and late
    points make no silence of years.
    """
    if (stop.trail.size == 0 and not stop.is_staying) or (stop.is_told and stop.away == 0):
        return NO_MS
    wait_ms = 1000.0 * rules.quiet_s
    if not stop.is_staying:
        settled_ms = settled_for_ms(stop.trail, rules)
    elif stop.away == 0:
        settled_ms = stop.stay.last_ms - stop.stay.started_ms
    else:
        settled_ms = settled_for_ms(stop.trail, rules)
        newest = place_at(stop.trail, stop.trail.size - 1)
        if is_far(stop, newest.east_m, newest.north_m, rules) or is_held_away(stop, rules):
            wait_ms = max(wait_ms, look_ms(rules))
        elif stop.away > 1:
            wait_ms = max(wait_ms, 1000.0 * rules.return_s)
        else:
            return NO_MS
    wait_ms = max(wait_ms, 1000.0 * rules.stop_dwell_s - settled_ms)
    return int(stop.newest_server_ms + math.ceil(wait_ms))


@compiled
def on_silence(stop: Record, rules: Record) -> int:
    """No point came until `due_ms`: where the person then seems to be, and to have been.

    Args:
        stop: a copy of the STOP record, changed in place; the next point is judged by the record itself.
        rules: RULES record.

    Returns:
        What the silence made known: bits as in `stop_state`.
    """
    told = leave(stop, rules, 0) if stop.is_staying and stop.away > 0 else 0
    if not stop.is_staying:
        told = settle(stop, rules, told)
    if not stop.is_told:
        stop.is_told = True
        told |= BEGAN
    return told


@compiled
def _take(stop: Record, point: Record, is_broken: bool, rules: Record) -> int:
    trail, stay = stop.trail, stop.stay
    may_move = _may_move(stop, point)
    told = _after_silence(stop, point, rules) if trail.size > 0 else 0
    if not add_place(trail, point, is_broken, may_move):
        if stop.is_staying:
            stay.fix_count += 1
            if stop.away == 0:
                stay.last_ms = point.at_ms
        return told
    if stop.is_staying:
        told = stay_on(stop, rules, told)
    if not stop.is_staying:
        follow(trail)
        told = stay_if_held(stop, rules, told)
    if stop.is_staying:
        stay.latitude_deg, stay.longitude_deg = whereabouts_of(trail, stop.east_m, stop.north_m)
        told |= _tell_after(stop, stop.core_ms - stay.started_ms, rules)
    return told


@compiled
def _after_silence(stop: Record, point: Record, rules: Record) -> int:
    """Before a point that comes after silence: the person had settled where they were."""
    trail, stay = stop.trail, stop.stay
    silent_ms = point.at_ms - ends_ms(place_at(trail, trail.size - 1))
    told = 0
    if silent_ms < 1000.0 * rules.quiet_s:
        return told
    if stop.is_staying and stop.away > 0 and silent_ms >= look_ms(rules):
        east_m, north_m = position_of(trail, point)
        if is_far(stop, east_m, north_m, rules) or is_held_away(stop, rules):
            told = leave(stop, rules, told)
    if not stop.is_staying and means_stay(silent_ms, settled_for_ms(trail, rules), rules):
        told = settle(stop, rules, told)
    if stop.is_staying and stop.away == 0:
        told |= _tell_after(stop, silent_ms + stay.last_ms - stay.started_ms, rules)
    return told


@compiled
def _tell_after(stop: Record, lasted_ms: int, rules: Record) -> int:
    """Tell the stay if it has lasted the dwell time."""
    if stop.is_told or lasted_ms < 1000.0 * rules.stop_dwell_s:
        return 0
    stop.is_told = True
    return BEGAN


@compiled
def _may_move(stop: Record, point: Record) -> int:
    """0 if the phone says that it is still, and has shown that it can tell the difference; else 1."""
    if point.speed_mps >= _MOVES_MPS:
        stop.speeds_told = min(stop.speeds_told + 1, _TOLD_ENOUGH)
    if point.is_moving == 1:
        stop.motions_told = min(stop.motions_told + 1, _TOLD_ENOUGH)
    is_slow = stop.speeds_told == _TOLD_ENOUGH and point.speed_mps < _STILL_MPS
    is_still = stop.motions_told == _TOLD_ENOUGH and point.is_moving == 0
    return 0 if is_slow or is_still else 1
