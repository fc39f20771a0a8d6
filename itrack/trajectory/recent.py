"""The newest points of many phones are kept beside the state before them, so that a late one finds its place.

A phone's state, its *base*, is that before its *recent* points, which are kept in order of time. What the recent ones
make known is found by judging them anew from a copy of the base: a few dozen points, some microseconds. A point that
comes late is put in its place among them, and what was told before is compared with what is found now. Only a
point that is older than the base needs more: the fixes in the store.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from itrack.trajectory import phone as one
from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import NO_MS, Out, take_back

__all__ = [
    "AGAIN",
    "BEFORE",
    "NEWS",
    "NOW",
    "PROGRESS",
    "STANDING",
    "STOOD",
    "Anew",
    "Known",
    "Limits",
    "adopt",
    "hear_due",
    "judge_new",
]

Array = npt.NDArray[Any]

STANDING = np.dtype(
    [
        ("base_at_ms", "i8"),
        ("base_server_ms", "i8"),
        ("base_no", "i8"),
        ("heard_ms", "i8"),
        ("due_ms", "i8"),
        ("stored_ms", "i8"),
        ("late_ms", "i8"),
        ("grown_ms", "i8"),
        ("asked", "i4"),
        ("done", "i4"),
    ],
    align=True,
)
"""Where one phone stands.

| field | meaning |
| --- | --- |
| `base_at_ms`, `base_server_ms`, `base_no` | the newest point in the base: its place in the order; `NO_MS`: none |
| `heard_ms` | silence was told until then (server time), and no point came since; `NO_MS`: none was |
| `due_ms` | server time at which silence will next tell something; `NO_MS`: never |
| `stored_ms` | when the newest of its fixes was stored |
| `late_ms` | the oldest point that is older than the base and not repaired; `NO_MS`: none |
| `grown_ms` | event time until which it was told how far a stay has come that goes on; `NO_MS`: never |
| `asked`, `done` | number of the last repair that was asked for, and of the last that was done |
"""

NEWS, BEFORE, AGAIN, NOW, PROGRESS, REPAIRED, DONE, STOOD = range(8)
"""Sides of a finding: news as such; of a phone whose sides are to be compared, what was told before, what the same
points tell now, and what newer points tell; how far a stay that goes on has come; what a repair has found up to the
base; what was told before and became known at the very moment of the base, which the repair has compared by itself;
what held already where a replay began."""

_DAY_MS = 86_400_000
_WAITING = 8
_GROWN_EVERY_MS = 60_000
"""It is told so often how far a stay has come: whoever looks at a map does not wait for more, and it is written."""


class Known(NamedTuple):
    """What is known of all phones.

    Attributes:
        phones, standings, rules: one each.
        recent, start: the recent points; those of phone i are `recent[start[i]:start[i + 1]]`.
    """

    phones: Array
    standings: Array
    rules: Array
    recent: Array
    start: Array


class Anew(NamedTuple):
    """New points, and what becomes of them.

    Attributes:
        points, start: in order of phone, time, server time and number, and the phones' starts.
        is_late: set for points that are older than their phone's base; these are not judged.
        is_repeat: set for points that are among the recent ones already.
        kept, kept_start: the recent points afterwards; there must be room for all.
        anchors, anchor_standings: the last base before a new day began (UTC), for phones whose base passed one;
            `anchor_standings.done` is 1 then.
    """

    points: Array
    start: Array
    is_late: Array
    is_repeat: Array
    kept: Array
    kept_start: Array
    anchors: Array
    anchor_standings: Array


class Limits(NamedTuple):
    """Points stay among the recent for so long and so many; while a repair is awaited, eight times as many."""

    span_ms: int
    most: int


@compiled
def judge_new(first: int, known: Known, anew: Anew, limits: Limits, out: Out) -> int:
    """Judge the new points of all phones, from phone `first` on.

    Returns:
        The number of phones, or the first one for which there was no room: call again with more.
    """
    scratch = np.zeros(2, known.phones.dtype)
    before = np.zeros(1, known.standings.dtype)
    for index in range(first, len(known.phones)):
        begin = out.told[0]
        before[0] = known.standings[index]
        count, first_new = _merge(index, known, anew)
        start = anew.kept_start[index]
        points = anew.kept[start : start + count]
        leaving = 0
        if first_new < count:
            leaving = _judge_phone(index, points, first_new, known, anew, limits, scratch, out)
            if take_back(out, begin):
                known.standings[index] = before[0]
                anew.anchor_standings[index].done = 0
                return index
            known.phones[index] = scratch[0]
        for number in range(leaving, count):
            points[number - leaving] = points[number]
        anew.kept_start[index + 1] = start + count - leaving
    return len(known.phones)


@compiled
def hear_due(first: int, now_ms: int, known: Known, out: Out) -> int:
    """Tell what silence until `now_ms` (server time) makes known, from phone `first` on. Returns as `judge_new`."""
    newest = np.zeros(1, known.phones.dtype)
    for index in range(first, len(known.phones)):
        standing, rules = known.standings[index], known.rules[index]
        if standing.due_ms == NO_MS or standing.due_ms > now_ms:
            continue
        begin = out.told[0]
        newest[0] = known.phones[index]
        _judge_all(newest[0], known.recent[known.start[index] : known.start[index + 1]], standing.heard_ms, rules, out)
        take_back(out, begin)
        out.told[0] = begin
        one.hear(newest[0], now_ms, rules, out)
        _mark(out, begin, index, NEWS)
        has_heard = out.told[0] > begin
        grown_ms = standing.grown_ms
        _tell_progress(newest[0], index, standing, True, out)
        if take_back(out, begin):
            standing.grown_ms = grown_ms
            return index
        if has_heard:
            standing.heard_ms = now_ms
        standing.due_ms = _due_ms(newest[0], standing, rules)
    return len(known.phones)


@compiled
def adopt(index: int, known: Known, repaired: Record, out: Out) -> bool:
    """Take a base that was made anew, with fixes that had come late, and tell what it changes.

    Returns:
        False when there was no room; nothing has changed then.
    """
    begin = out.told[0]
    recent = known.recent[known.start[index] : known.start[index + 1]]
    standing, rules = known.standings[index], known.rules[index]
    newest = np.zeros(1, known.phones.dtype)
    newest[0] = known.phones[index]
    one.tell_standing(newest[0], out)
    standing_end = out.told[0]
    _judge_all(newest[0], recent, standing.heard_ms, rules, out)
    _mark(out, begin, index, BEFORE)
    for number in range(standing_end, out.told[0]):
        if out.rows[number].judged_ms <= standing.base_at_ms:
            out.rows[number].side = DONE
    middle = out.told[0]
    newest[0] = repaired
    one.tell_standing(newest[0], out)
    _judge_all(newest[0], recent, standing.heard_ms, rules, out)
    _mark(out, middle, index, AGAIN)
    _tell_progress(newest[0], index, standing, True, out)
    if take_back(out, begin):
        return False
    known.phones[index] = repaired
    standing.due_ms = _due_ms(newest[0], standing, rules)
    return True


@compiled
def _judge_phone(
    index: int, points: Array, first_new: int, known: Known, anew: Anew, limits: Limits, scratch: Array, out: Out
) -> int:
    """Judge one phone's recent and new points; its new base is left in `scratch[0]`. Returns how many are in it."""
    base, newest = scratch[0], scratch[1]
    standing, rules = known.standings[index], known.rules[index]
    old = known.recent[known.start[index] : known.start[index + 1]]
    heard_ms = standing.heard_ms
    is_compared = first_new < len(old) or heard_ms != NO_MS
    if is_compared:
        begin = out.told[0]
        scratch[1] = known.phones[index]
        one.tell_standing(newest, out)
        _judge_all(newest, old, heard_ms, rules, out)
        _mark(out, begin, index, BEFORE)
    middle = again = out.told[0]
    tell_from = 0 if is_compared else first_new
    already = _already(points, old)
    leaving = _leaving(points, limits, standing.asked != standing.done)
    scratch[0] = known.phones[index]
    for number in range(len(points)):
        point = points[number]
        if number == tell_from:
            out.told[0] = middle
            if is_compared:
                one.tell_standing(base, out)
                again = out.told[0]
        if number == leaving:
            scratch[1] = base
        if number < leaving:
            _note_anchor(index, point, known, anew, scratch)
            one.judge(base, point, rules, out)
            standing.base_at_ms = point.at_ms
            standing.base_server_ms = point.server_ms
            standing.base_no = point.fix_no
        else:
            one.judge(newest, point, rules, out)
        again = out.told[0] if number < already else again
    if heard_ms > points[len(points) - 1].server_ms:
        one.hear(newest, heard_ms, rules, out)
    else:
        standing.heard_ms = NO_MS
    _mark(out, middle, index, NOW if is_compared else NEWS)
    if is_compared:
        for number in range(middle, again):
            out.rows[number].side = AGAIN
    _tell_progress(newest, index, standing, is_compared, out)
    standing.due_ms = _due_ms(newest, standing, rules)
    return leaving


@compiled
def _due_ms(newest: Record, standing: Record, rules: Record) -> int:
    """When silence will next tell something, or how far a stay has come."""
    due_ms = one.due_ms(newest, rules)
    if newest.stop.is_told and newest.newest_ms > standing.grown_ms:
        grown_ms = newest.sequence.last.server_ms + _GROWN_EVERY_MS
        due_ms = grown_ms if due_ms == NO_MS else min(due_ms, grown_ms)
    return due_ms


@compiled
def _note_anchor(index: int, point: Record, known: Known, anew: Anew, scratch: Array) -> None:
    """Before the base goes on into another day, keep it as it is."""
    standing = known.standings[index]
    if standing.base_at_ms != NO_MS and standing.base_at_ms // _DAY_MS != point.at_ms // _DAY_MS:
        anew.anchors[index] = scratch[0]
        anew.anchor_standings[index] = standing
        anew.anchor_standings[index].done = 1


@compiled
def _judge_all(phone: Record, points: Array, heard_ms: int, rules: Record, out: Out) -> None:
    for number in range(len(points)):
        one.judge(phone, points[number], rules, out)
    if heard_ms != NO_MS:
        one.hear(phone, heard_ms, rules, out)


@compiled
def _tell_progress(phone: Record, index: int, standing: Record, is_due: bool, out: Out) -> None:
    if is_due or standing.grown_ms == NO_MS or phone.newest_ms - standing.grown_ms >= _GROWN_EVERY_MS:
        begin = out.told[0]
        one.tell_progress(phone, out)
        _mark(out, begin, index, PROGRESS)
        standing.grown_ms = phone.newest_ms


@compiled
def _mark(out: Out, begin: int, index: int, side: int) -> None:
    for number in range(begin, out.told[0]):
        out.rows[number].phone = index
        out.rows[number].side = side


@compiled
def _merge(index: int, known: Known, anew: Anew) -> tuple[int, int]:
    """Put a phone's recent and new points in order. Returns how many there are and where the first new one stands."""
    into = anew.kept[anew.kept_start[index] :]
    taken, old_end = known.start[index], known.start[index + 1]
    count, first_new = 0, -1
    for number in range(anew.start[index], anew.start[index + 1]):
        point = anew.points[number]
        anew.is_late[number] = not _is_after_base(known.standings[index], point)
        anew.is_repeat[number] = False
        if anew.is_late[number]:
            continue
        while taken < old_end and not _is_before(point, known.recent[taken]):
            into[count] = known.recent[taken]
            count += 1
            taken += 1
        if count > 0 and not _is_before(into[count - 1], point):
            anew.is_repeat[number] = True
            continue
        if first_new < 0:
            first_new = count
        into[count] = point
        count += 1
    while taken < old_end:
        into[count] = known.recent[taken]
        count += 1
        taken += 1
    return count, count if first_new < 0 else first_new


@compiled
def _already(points: Array, old: Array) -> int:
    """How many points come no later than the last of the old ones."""
    count = len(points) if len(old) else 0
    while count > 0 and _is_before(old[len(old) - 1], points[count - 1]):
        count -= 1
    return count


@compiled
def _leaving(points: Array, limits: Limits, is_waiting: bool) -> int:
    """How many of the oldest points leave for the base; those of one moment together, unless they are very many."""
    if is_waiting:
        return max(0, len(points) - _WAITING * limits.most)
    leaving = max(0, len(points) - limits.most)
    while leaving < len(points) and points[leaving].at_ms < points[len(points) - 1].at_ms - limits.span_ms:
        leaving += 1
    together = leaving
    while 0 < together < len(points) and points[together].at_ms == points[together - 1].at_ms:
        together -= 1
    return together if len(points) - together <= _WAITING * limits.most else leaving


@compiled
def _is_before(one_: Record, other: Record) -> bool:
    """The order in which points are judged: by time, then by the server's time, then by number."""
    if one_.at_ms != other.at_ms:
        return one_.at_ms < other.at_ms
    if one_.server_ms != other.server_ms:
        return one_.server_ms < other.server_ms
    return one_.fix_no < other.fix_no


@compiled
def _is_after_base(standing: Record, point: Record) -> bool:
    if standing.base_at_ms == NO_MS or point.at_ms != standing.base_at_ms:
        return point.at_ms > standing.base_at_ms
    if point.server_ms != standing.base_server_ms:
        return point.server_ms > standing.base_server_ms
    return point.fix_no > standing.base_no
