"""One phone: the next point, or silence, in; findings out. Everything that is known of a phone is one record.

```
point ── sequence ──> stops ──> trips
            │           └─────> gaps, passages
            └── anomalies
```
"""

from __future__ import annotations

import numpy as np

from itrack.trajectory import sequence as seq
from itrack.trajectory import stops, trips
from itrack.trajectory.anomalies import ALARM, on_jump, on_right_clock, on_wrong_clock
from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import NO_MS, Found, Out, tell
from itrack.trajectory.passages import PASSAGE, pass_by
from itrack.trajectory.point import metres_between
from itrack.trajectory.quality import Flag
from itrack.trajectory.sequence import SEQUENCE
from itrack.trajectory.stops import STOP
from itrack.trajectory.trips import TRIP

__all__ = ["PHONE", "PHONE_VERSION", "due_ms", "hear", "judge", "tell_progress", "tell_standing"]

PHONE_VERSION = 2
"""Version of `PHONE` and of what its numbers mean. A state of another version is made anew from the fixes."""

PHONE = np.dtype(
    [
        ("sequence", SEQUENCE),
        ("stop", STOP),
        ("trip", TRIP),
        ("passage", PASSAGE),
        ("alarm", ALARM),
        ("newest_ms", "i8"),
    ],
    align=True,
)
"""What is known of one phone; `newest_ms` is the event time of the newest point, whether it was used or not.

All zeros: nothing yet. Its size does not grow, however long the phone is followed.
"""

_STAY, _TRIP, _GAP, _VERDICT = int(Found.STAY), int(Found.TRIP), int(Found.GAP), int(Found.VERDICT)
_WRONG_CLOCK = int(Flag.WRONG_CLOCK)
_IMPOSSIBLE_JUMP = int(Flag.IMPOSSIBLE_JUMP)


@compiled
def judge(phone: Record, point: Record, rules: Record, out: Out) -> None:
    """Judge the phone's next point in order of time, after the silence before it.

    Args:
        phone: a `PHONE`, changed in place.
        point: a `POINT` with its flag.
        rules: a `RULES`.
        out: where findings go.
    """
    phone.newest_ms = point.at_ms
    hear(phone, point.server_ms, rules, out)
    flag = point.flag
    if flag == 0:
        flag = seq.flag_repeated(phone.sequence, point)
    if flag != 0:
        _set_aside(point, flag, point, out)
        if flag == _WRONG_CLOCK:
            on_wrong_clock(phone.alarm, point, rules, out)
        return
    admission = seq.admit(phone.sequence, point, rules)
    jump = phone.sequence.jump
    if admission == seq.BACK:
        _set_aside(jump, _IMPOSSIBLE_JUMP, point, out)
        on_jump(phone.alarm, jump, point, False, rules, out)
    elif admission == seq.BOTH:
        on_jump(phone.alarm, jump, point, True, rules, out)
        _accept(phone, jump, point, True, rules, out)
    elif admission == seq.FLIES:
        _accept(phone, jump, point, False, rules, out)
    if admission in (seq.ONE, seq.BACK, seq.BOTH):
        _accept(phone, point, point, False, rules, out)


@compiled
def hear(phone: Record, now_ms: int, rules: Record, out: Out) -> None:
    """No point of this phone reached the server until `now_ms`. Tells what that silence makes known."""
    due = due_ms(phone, rules)
    if due == NO_MS or due > now_ms:
        return
    phone.stop.is_told = True
    _arrive(phone, phone.newest_ms, due, rules, out)


@compiled
def due_ms(phone: Record, rules: Record) -> int:
    """When `hear` will next have something to tell (ms since 1970 UTC, server time); `NO_MS` for never.

    While a point is held back nobody knows where the phone is, so its silence tells nothing.
    """
    if phone.sequence.has_suspect:
        return NO_MS
    return stops.due_ms(phone.stop, rules)


@compiled
def tell_progress(phone: Record, out: Out) -> None:
    """The staypoint that the person is at, as it has grown so far, if there is one."""
    if phone.stop.is_told:
        _tell_stay(phone.stop, NO_MS, phone.stop.last.at_ms, phone.stop.last.server_ms, out)


@compiled
def tell_standing(phone: Record, out: Out) -> None:
    """What was told of this phone and may yet change: the staypoint it is at, and the trip there."""
    stop, trip = phone.stop, phone.trip
    if stop.is_told:
        _tell_stay(stop, NO_MS, stop.told_ms, stop.told_ms, out)
    if trip.is_told:
        start_ms = stop.anchor.at_ms
        _tell_trip(trip, start_ms, start_ms, trip.metres, trip.count, trip.told_ms, trip.told_ms, out)


@compiled
def _accept(
    phone: Record,
    point: Record,
    newest: Record,
    is_broken: bool,
    rules: Record,
    out: Out,
) -> None:
    """A point that counts; `newest` made it so, and `is_broken` when no possible movement led to it."""
    on_right_clock(phone.alarm)
    stop, trip = phone.stop, phone.trip
    if not stop.has_begun:
        stops.begin(stop, point)
        trips.begin(trip, point.at_ms, NO_MS, 0.0)
    elif stops.is_inside(stop, point, rules):
        trips.move_inside(trip, 0.0 if is_broken else metres_between(stop.last, point))
        if stops.stay_on(stop, point, rules):
            _arrive(phone, newest.at_ms, newest.server_ms, rules, out)
    else:
        _leave(phone, point, newest, is_broken, rules, out)
    if not stop.is_told:
        pass_by(phone.passage, point, rules, out)


@compiled
def _leave(
    phone: Record,
    point: Record,
    newest: Record,
    is_broken: bool,
    rules: Record,
    out: Out,
) -> None:
    stop, trip = phone.stop, phone.trip
    away_m = metres_between(stop.last, point)
    leg_m = 0.0 if is_broken else away_m
    bits, left_ms = stops.leave(stop, point, rules)
    has_stayed, is_gap = (bits & stops.STAYED) != 0, (bits & stops.LEFT_UNSEEN) != 0
    at_ms, server_ms = newest.at_ms, newest.server_ms
    start_ms = stop.anchor.at_ms
    if stop.is_told and not has_stayed:
        _tell_stay(stop, NO_MS, at_ms, server_ms, out).is_gone = True
        if trip.is_told:
            _tell_trip(trip, NO_MS, NO_MS, 0.0, 0, at_ms, server_ms, out).is_gone = True
            trip.is_told = False
    if has_stayed:
        if not stop.is_told:
            _arrive(phone, at_ms, server_ms, rules, out)
        _tell_stay(stop, left_ms, at_ms, server_ms, out)
    if is_gap:
        if not has_stayed:
            metres = trip.metres + trip.candidate_metres
            if _is_trip(trip, left_ms, metres, rules):
                count = trip.count + trip.candidate_count
                _tell_trip(trip, left_ms, NO_MS, metres, count, at_ms, server_ms, out)
        row = tell(out, _GAP, left_ms, at_ms, server_ms)
        row.end_ms = point.at_ms
        row.metres = away_m
        trips.begin(trip, point.at_ms, NO_MS, 0.0)
    elif has_stayed:
        trips.begin(trip, left_ms, start_ms, leg_m)
    else:
        trips.move_on(trip, leg_m)
    stops.begin(stop, point)


@compiled
def _arrive(phone: Record, at_ms: int, server_ms: int, rules: Record, out: Out) -> None:
    """The candidate is a staypoint: the trip to it has ended. The trip is kept: silence may have been wrong."""
    stop, trip = phone.stop, phone.trip
    start_ms = stop.anchor.at_ms
    if _is_trip(trip, start_ms, trip.metres, rules):
        _tell_trip(trip, start_ms, start_ms, trip.metres, trip.count, at_ms, server_ms, out)
        trip.is_told = True
        trip.told_ms = at_ms
    stop.told_ms = at_ms
    _tell_stay(stop, NO_MS, at_ms, server_ms, out)


@compiled
def _is_trip(trip: Record, end_ms: int, metres: float, rules: Record) -> bool:
    return end_ms > trip.at_ms and metres >= rules.trip_min_distance_m


@compiled
def _tell_trip(
    trip: Record,
    end_ms: int,
    to_ms: int,
    metres: float,
    count: int,
    at_ms: int,
    server_ms: int,
    out: Out,
) -> Record:
    row = tell(out, _TRIP, trip.at_ms, at_ms, server_ms)
    row.end_ms = end_ms
    row.from_ms = trip.from_ms
    row.to_ms = to_ms
    row.metres = metres
    row.fixes = count
    return row


@compiled
def _tell_stay(stop: Record, end_ms: int, at_ms: int, server_ms: int, out: Out) -> Record:
    row = tell(out, _STAY, stop.anchor.at_ms, at_ms, server_ms)
    row.end_ms = end_ms
    row.to_ms = stop.last.at_ms
    row.latitude_deg = stops.centre_latitude_deg(stop)
    row.longitude_deg = stops.centre_longitude_deg(stop)
    row.fixes = stop.count
    return row


@compiled
def _set_aside(point: Record, flag: int, newest: Record, out: Out) -> None:
    row = tell(out, _VERDICT, point.at_ms, newest.at_ms, newest.server_ms)
    row.what = flag
    row.fix_no = point.fix_no
    row.from_ms = point.fixed_ms
    row.number = point.accuracy_m
