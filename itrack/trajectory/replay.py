"""The whole past of one phone in one go: what the stream would have found, had every fix come in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from itrack.fix import Fix
from itrack.trajectory import phone as one
from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import NO_MS, Out, room_for
from itrack.trajectory.phone import PHONE
from itrack.trajectory.point import points_of
from itrack.trajectory.quality import flag_points
from itrack.trajectory.recent import PROGRESS, STOOD
from itrack.trajectory.rules import Rules

__all__ = ["Replayed", "in_order", "points_upto", "replay"]

_DAY_MS = 86_400_000
_ROOM = 16_384


class Replayed(msgspec.Struct, kw_only=True):
    """What a replay found.

    Attributes:
        found: `FOUND` records in the order in which they became known: first what held at the beginning (side `STOOD`),
            at last how far that has come which goes on (`PROGRESS`).
        phone: the `PHONE` after the last point.
        base: place in the order of the newest fix; None without one.
        anchors: the phone before each day that began on the way (UTC), with its place in the order.
    """

    found: npt.NDArray[Any]
    phone: npt.NDArray[Any]
    base: tuple[int, int, int] | None
    anchors: list[tuple[tuple[int, int, int], bytes]]

    @property
    def told(self) -> npt.NDArray[Any]:
        """The findings as they became known, without how far those have come that go on."""
        return self.found[self.found["side"] != PROGRESS]


def in_order(fixes: Sequence[Fix], rules: Rules) -> npt.NDArray[Any]:
    """The points of one phone's fixes, each once, judged alone, in the order in which they are judged.

    Raises:
        SetAside: an identifier does not end with a number.
    """
    points = points_of(fixes)
    flag_points(points, rules.record().reshape(1), np.zeros(len(points), np.int64))
    points = points[np.lexsort((points["fix_no"], points["server_ms"], points["at_ms"]))]
    is_same = np.ones(max(0, len(points) - 1), bool)
    for name in ("at_ms", "server_ms", "fix_no"):
        is_same &= points[name][1:] == points[name][:-1]
    return points[np.concatenate([np.ones(min(1, len(points)), bool), ~is_same])]


def points_upto(
    points: npt.NDArray[Any], base: tuple[int, int, int], after: tuple[int, int, int] | None = None
) -> npt.NDArray[Any]:
    """Those of the points, which are in order, up to a place in the order, and after another one."""
    places = list(zip(points["at_ms"].tolist(), points["server_ms"].tolist(), points["fix_no"].tolist(), strict=True))
    return points[0 if after is None else bisect_right(places, after) : bisect_right(places, base)]


def replay(
    points: npt.NDArray[Any],
    rules: Rules,
    *,
    phone: bytes | None = None,
    silent_until_ms: int | None = None,
) -> Replayed:
    """Judge points in order.

    Args:
        points: from `in_order`.
        rules: what they are judged by.
        phone: the `PHONE` to go on from, such as an anchor's; None for a phone never seen.
        silent_until_ms: nothing else came until then, by the server's clock; None when that is not known.
    """
    states = np.zeros(1, PHONE) if phone is None else np.frombuffer(phone, PHONE).copy()
    own = np.full(1, rules.record())
    parts: list[npt.NDArray[Any]] = []
    anchors = []
    out = room_for(_ROOM)
    _begin(states[0], out)
    parts.append(out.found)
    days = points["at_ms"] // _DAY_MS
    edges = [0, *(np.flatnonzero(days[1:] != days[:-1]) + 1), len(points)] if len(points) else [0]
    for begin, end in pairwise(edges):
        if begin:
            anchors.append((_place_of(points[begin - 1]), states.tobytes()))
        done = begin
        while done < end:
            out = room_for(_ROOM)
            done = _judge_some(states[0], points[:end], done, own[0], out)
            parts.append(out.found)
    out = room_for(_ROOM)
    _end(states.copy()[0], NO_MS if silent_until_ms is None else silent_until_ms, own[0], out)
    return Replayed(
        found=np.concatenate([*parts, out.found]),
        phone=states,
        base=_place_of(points[-1]) if len(points) else None,
        anchors=anchors,
    )


def _place_of(point: Any) -> tuple[int, int, int]:
    return int(point["at_ms"]), int(point["server_ms"]), int(point["fix_no"])


@compiled
def _judge_some(phone: Record, points: npt.NDArray[Any], begin: int, rules: Record, out: Out) -> int:
    """Judge points from `begin` on while there is much room. Returns the first that is left."""
    for number in range(begin, len(points)):
        if 2 * out.told[0] > len(out.rows):
            return number
        one.judge(phone, points[number], rules, out)
    return len(points)


@compiled
def _begin(phone: Record, out: Out) -> None:
    one.tell_standing(phone, out)
    for number in range(out.told[0]):
        out.rows[number].side = STOOD


@compiled
def _end(phone: Record, silent_until_ms: int, rules: Record, out: Out) -> None:
    if silent_until_ms != NO_MS:
        one.hear(phone, silent_until_ms, rules, out)
    begin = out.told[0]
    one.tell_progress(phone, out)
    for number in range(begin, out.told[0]):
        out.rows[number].side = PROGRESS
