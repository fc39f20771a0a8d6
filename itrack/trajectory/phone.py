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
from itrack.trajectory.places import PLACES, begins_place, place_at
from itrack.trajectory.quality import Flag
from itrack.trajectory.sequence import SEQUENCE
from itrack.trajectory.stop_state import BEGAN, ENDED, FOUND, GAP, RESUMED, STOP, WITHDRAWN
from itrack.trajectory.trips import TRIP

__all__ = ["PHONE", "PHONE_VERSION", "due_ms", "hear", "judge", "tell_progress", "tell_standing"]

PHONE_VERSION = 3
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

_STAY, _GAP, _VERDICT = int(Found.STAY), int(Found.GAP), int(Found.VERDICT)
_WRONG_CLOCK = int(Flag.WRONG_CLOCK)
_IMPOSSIBLE_JUMP = int(Flag.IMPOSSIBLE_JUMP)


@compiled
def judge(phone: Record, point: Record, rules: Record, out: Out) -> None:
    """Judge the phone's next point in order of time.

    Args:
        phone: a `PHONE`, changed in place.
        point: a `POINT` with its flag.
        rules: a `RULES`.
        out: where findings go.
    """
    phone.newest_ms = point.at_ms
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
    """No point of this phone reached the server until `now_ms`. Tells what that silence makes known.

    Args:
        phone: a copy of a `PHONE`, changed in place. Later points are judged from the phone itself, because they may
            show that silence was wrong.
        now_ms: server time.
        rules: a `RULES`.
        out: where findings go.
    """
    due = due_ms(phone, rules)
    if due != NO_MS and due <= now_ms:
        _tell(phone, stops.on_silence(phone.stop, rules), phone.newest_ms, due, rules, out)


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
    stop, last = phone.stop, phone.sequence.last
    if stop.is_told:
        _tell_stay(stop.stay, last.at_ms, last.server_ms, out)


@compiled
def tell_standing(phone: Record, out: Out) -> None:
    """What was told of this phone and may yet change: the staypoints it is at and was at last, and the trip there."""
    stop, trip = phone.stop, phone.trip
    if stop.may_resume:
        _tell_stay(stop.left, stop.left.told_ms, stop.left.told_ms, out)
    if stop.is_told:
        _tell_stay(stop.stay, stop.stay.told_ms, stop.stay.told_ms, out)
    if trip.is_told:
        trips.tell_trip(trip, trip.told_ms, trip.told_ms, out)


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
    stop = phone.stop
    if not phone.trip.has_begun:
        trips.begin(phone.trip, point.at_ms)
    if stop.trail.size == PLACES and begins_place(stop.trail, point, is_broken):
        _go_on(phone)
    told = stops.on_point(stop, point, is_broken, rules)
    if told:
        _tell(phone, told, newest.at_ms, newest.server_ms, rules, out)
    if not stop.is_told or stop.away > 1:
        pass_by(phone.passage, point, rules, out)


@compiled
def _go_on(phone: Record) -> None:
    """The oldest place will leave the trail; it is the way's unless it is a stay's."""
    stop = phone.stop
    if not stop.is_staying or place_at(stop.trail, 0).at_ms < stop.stay.started_ms:
        trips.go_on(phone.trip, stop.trail, 0)


@compiled
def _tell(phone: Record, told: int, at_ms: int, server_ms: int, rules: Record, out: Out) -> None:
    """Tell what a point has made known, or silence: bits as in `stop_state`."""
    stop, trip, trail = phone.stop, phone.trip, phone.stop.trail
    if told & WITHDRAWN:
        tell(out, _STAY, stop.withdrawn_ms, at_ms, server_ms).is_gone = True
        trips.withdraw(trip, at_ms, server_ms, out)
    if told & RESUMED:
        stop.stay.told_ms = at_ms
        _tell_stay(stop.stay, at_ms, server_ms, out)
    if told & FOUND:
        trips.end_at(trip, trail, stop.left, at_ms, server_ms, rules, out)
        _tell_stay(stop.left, at_ms, server_ms, out).end_ms = NO_MS
    if told & ENDED:
        stop.left.told_ms = at_ms
        _tell_stay(stop.left, at_ms, server_ms, out)
        trips.begin_at(trip, stop.left)
    if told & GAP:
        if not told & ENDED:
            trips.end(trip, trail, stop.gap_from_ms, at_ms, server_ms, rules, out)
        row = tell(out, _GAP, stop.gap_from_ms, at_ms, server_ms)
        row.end_ms = stop.gap_to_ms
        row.metres = stop.gap_m
        trips.begin(trip, stop.gap_to_ms)
    if told & BEGAN:
        stop.stay.told_ms = at_ms
        trips.end_at(trip, trail, stop.stay, at_ms, server_ms, rules, out)
        _tell_stay(stop.stay, at_ms, server_ms, out)


@compiled
def _tell_stay(stay: Record, at_ms: int, server_ms: int, out: Out) -> Record:
    row = tell(out, _STAY, stay.started_ms, at_ms, server_ms)
    row.end_ms = stay.ended_ms
    row.to_ms = stay.last_ms
    row.latitude_deg = stay.latitude_deg
    row.longitude_deg = stay.longitude_deg
    row.fixes = stay.fix_count
    return row


@compiled
def _set_aside(point: Record, flag: int, newest: Record, out: Out) -> None:
    row = tell(out, _VERDICT, point.at_ms, newest.at_ms, newest.server_ms)
    row.what = flag
    row.fix_no = point.fix_no
    row.from_ms = point.fixed_ms
    row.number = point.accuracy_m
