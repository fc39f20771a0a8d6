"""Many phones: fixes and silence in, findings out. The one door to the mobility logic for the stream.

It has no clock: fixes carry their times, and silence is told. However fixes are spread over calls, and in whatever
order they come, what a fleet has told in the end is what `replay` finds in the same fixes in order, but for fixes that
came too late to find their place among the recent ones (`Repair`): for these it asks, and `adopt` takes the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.trajectory.found import FOUND, NO_MS, more_room, room_for
from itrack.trajectory.phone import PHONE, PHONE_VERSION
from itrack.trajectory.point import POINT, fix_no_of, in_ms, milliseconds_of, points_of
from itrack.trajectory.quality import flag_points
from itrack.trajectory.recent import REPAIRED, STANDING, Anew, Known, Limits, adopt, hear_due, judge_new
from itrack.trajectory.rules import Rules

__all__ = ["FLEET_VERSION", "Anchor", "AskRepair", "Fleet", "Judged", "Repair", "Repaired", "warm_up"]

FLEET_VERSION = f"{PHONE_VERSION}.2"
"""Version of what `snapshot` gives."""

_LIMITS = Limits(span_ms=120_000, most=64)
_NEVER_S = -1e9
_REPLAYED_MS = 600_000
"""A fix that was stored so long before the newest one judged, and is older than the base, was judged before: a phone's
fixes first come in the order in which they were stored, give or take a slow write."""


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """A phone's past has to be judged anew: fixes came too late.

    Attributes:
        device_id: whose.
        number: of the request; a later one of the same phone replaces it. 0: nobody asked, a rebuild tells by itself.
        since_ms: event time of the oldest late fix.
        base: place in the order (event time, server time, number) of the newest fix that has to be judged anew; what
            comes after it is done when the answer comes.
    """

    device_id: str
    number: int
    since_ms: int
    base: tuple[int, int, int]


class AskRepair(msgspec.Struct, frozen=True, kw_only=True, tag="ask"):
    """Somebody wants a phone's past to be judged anew from that event time on."""

    device_id: str
    since_ms: int


class Repaired(msgspec.Struct, frozen=True, kw_only=True, tag="repaired"):
    """The answer to a repair.

    Attributes:
        repair: what was asked for.
        phone: the `PHONE` record at the repair's base.
        found: `FOUND` records of what holds up to the base.
        stored_ms: when the newest fix in it was stored; `NO_MS` when that does not matter.
    """

    repair: Repair
    phone: bytes
    found: bytes
    stored_ms: int = NO_MS


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """What was known of a phone before a day began (UTC): a place to start a repair from.

    Attributes:
        device_id: whose.
        base: place in the order of the newest fix in it.
        phone: the `PHONE` record.
        rules: name of the rules that its fixes were judged by.
    """

    device_id: str
    base: tuple[int, int, int]
    phone: bytes
    rules: str


class Judged(msgspec.Struct, kw_only=True):
    """What one call made known.

    Attributes:
        found: `FOUND` records, for `news.news_of` to read.
        device_ids: by the records' `phone`.
        repairs, anchors: as they are.
        set_aside: which of the fixes that were given were refused, with the reason.
        fix_count, repeated: how many fixes were judged; how many had been before.
    """

    found: npt.NDArray[Any]
    device_ids: list[str]
    repairs: list[Repair] = []
    anchors: list[Anchor] = []
    set_aside: list[tuple[int, SetAside]] = []
    fix_count: int = 0
    repeated: int = 0


class _Snapshot(msgspec.Struct, array_like=True):
    version: str
    device_ids: list[str]
    recent_counts: bytes
    standings: bytes
    phones: bytes
    recent: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Snapshot)


class Fleet:
    """The phones of one shard, of a test, of a town.

    Args:
        rules: what all of them go by.
        snapshot: what `snapshot` gave earlier, to go on from there.
        own_rules: other rules for some phones, by device.

    Raises:
        SetAside: the snapshot is damaged or of another version.
    """

    def __init__(self, rules: Rules, snapshot: bytes | None = None, own_rules: dict[str, Rules] | None = None) -> None:
        self._rules = rules
        self._own_rules = own_rules or {}
        head = _Snapshot(FLEET_VERSION, [], b"", b"", b"", b"") if snapshot is None else _unpacked(snapshot)
        self._device_ids = head.device_ids
        self._numbers = {device_id: number for number, device_id in enumerate(self._device_ids)}
        self._known = Known(
            phones=np.frombuffer(head.phones, PHONE).copy(),
            standings=np.frombuffer(head.standings, STANDING).copy(),
            rules=self._rule_rows_of(self._device_ids),
            recent=np.frombuffer(head.recent, POINT),
            start=np.concatenate([[0], np.cumsum(np.frombuffer(head.recent_counts, np.int64))]).astype(np.int64),
        )

    @property
    def device_count(self) -> int:
        """How many phones it knows."""
        return len(self._device_ids)

    def snapshot(self) -> bytes:
        """Everything that later calls depend on: about a kilobyte and a half a phone, however long it was followed."""
        known = self._known
        head = _Snapshot(
            FLEET_VERSION,
            self._device_ids,
            np.diff(known.start).tobytes(),
            known.standings.tobytes(),
            known.phones.tobytes(),
            known.recent.tobytes(),
        )
        return _encoder.encode(head)

    def due_ms(self) -> int | None:
        """When `on_time` will next have something to tell (ms since 1970 UTC, server time); None for never."""
        due = self._known.standings["due_ms"]
        due = due[due != NO_MS]
        return int(due.min()) if len(due) else None

    def on_fixes(self, fixes: Sequence[Fix]) -> Judged:
        """Judge fixes, in any order."""
        judged = Judged(found=np.zeros(0, FOUND), device_ids=self._device_ids)
        good, points = _readable(fixes, judged)
        if not good:
            return judged
        numbers = self._numbers_of([fix.device_id for fix in good])
        stored_ms = in_ms([_NEVER_S if fix.stored_at is None else fix.stored_at.timestamp() for fix in good])
        flag_points(points, self._known.rules, numbers)
        order = np.lexsort((points["fix_no"], points["server_ms"], points["at_ms"], numbers))
        points, numbers, stored_ms = points[order], numbers[order], stored_ms[order]
        anew = Anew(
            points=points,
            start=np.searchsorted(numbers, np.arange(self.device_count + 1)).astype(np.int64),
            is_late=np.zeros(len(points), bool),
            is_repeat=np.zeros(len(points), bool),
            kept=np.zeros(len(self._known.recent) + len(points), POINT),
            kept_start=np.zeros(self.device_count + 1, np.int64),
            anchors=np.zeros(self.device_count, PHONE),
            anchor_standings=np.zeros(self.device_count, STANDING),
        )
        out, first = room_for(2 * len(points) + 64), 0
        while (first := judge_new(first, self._known, anew, _LIMITS, out)) < self.device_count:
            out = more_room(out)
        self._known = self._known._replace(recent=anew.kept[: anew.kept_start[-1]], start=anew.kept_start)
        judged.found = out.found
        judged.anchors = [
            Anchor(
                device_id=self._device_ids[number],
                base=_base_of(anew.anchor_standings[number]),
                phone=anew.anchors[number].tobytes(),
                rules=self._own_rules.get(self._device_ids[number], self._rules).name,
            )
            for number in np.flatnonzero(anew.anchor_standings["done"])
        ]
        self._look_at_late(numbers, stored_ms, anew, judged)
        judged.fix_count = len(points)
        judged.repeated += int(anew.is_repeat.sum())
        np.maximum.at(self._known.standings["stored_ms"], numbers, stored_ms)
        return judged

    def on_time(self, now: datetime) -> Judged:
        """No other fix came until `now`, by the server's clock. Tells what that silence makes known."""
        out, first = room_for(256), 0
        while (first := hear_due(first, milliseconds_of(now), self._known, out)) < self.device_count:
            out = more_room(out)
        return Judged(found=out.found, device_ids=self._device_ids)

    def ask(self, device_id: str, since_ms: int) -> Repair | None:
        """Ask for a repair of a phone's past from that event time on; None when the phone is not known here."""
        number = self._numbers.get(device_id)
        if number is None or self._known.standings[number]["base_at_ms"] == NO_MS:
            return None
        return self._ask_since(number, since_ms)

    def adopt(self, answer: Repaired) -> Judged:
        """Take what a repair has found.

        If the phone has gone on beyond the repair's base meanwhile, the repair is asked for anew.
        """
        repair = answer.repair
        judged = Judged(found=np.zeros(0, FOUND), device_ids=self._device_ids)
        number = int(self._numbers_of([repair.device_id])[0])
        standing = self._known.standings[number]
        start = self._known.start
        if standing["base_at_ms"] == NO_MS and start[number] == start[number + 1]:
            standing["base_at_ms"], standing["base_server_ms"], standing["base_no"] = repair.base
        elif _base_of(standing) != repair.base:
            if standing["asked"] != standing["done"] or repair.number == 0:
                judged.repairs.append(self._ask_since(number, repair.since_ms))
            return judged
        standing["stored_ms"] = max(int(standing["stored_ms"]), answer.stored_ms)
        repaired = np.frombuffer(answer.phone, PHONE)
        out = room_for(256)
        while not adopt(number, self._known, repaired[0], out):
            out = more_room(out)
        if repair.number == standing["asked"]:
            standing["done"] = repair.number
            standing["late_ms"] = NO_MS
        found = np.frombuffer(answer.found, FOUND).copy()
        found["phone"], found["side"] = number, REPAIRED
        judged.found = np.concatenate([found, out.found])
        return judged

    def _numbers_of(self, device_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """The phones' numbers. Those that are new get the next ones."""
        try:
            return np.array([self._numbers[device_id] for device_id in device_ids], np.int64)
        except KeyError:
            self._take_up(list(dict.fromkeys(each for each in device_ids if each not in self._numbers)))
            return self._numbers_of(device_ids)

    def _take_up(self, device_ids: list[str]) -> None:
        """Phones that are new."""
        self._numbers |= {device_id: self.device_count + index for index, device_id in enumerate(device_ids)}
        self._device_ids += device_ids
        known = self._known
        self._known = Known(
            phones=np.concatenate([known.phones, np.zeros(len(device_ids), PHONE)]),
            standings=np.concatenate([known.standings, np.full(len(device_ids), _AT_FIRST)]),
            rules=np.concatenate([known.rules, self._rule_rows_of(device_ids)]),
            recent=known.recent,
            start=np.concatenate([known.start, np.full(len(device_ids), known.start[-1])]),
        )

    def _rule_rows_of(self, device_ids: Sequence[str]) -> npt.NDArray[Any]:
        rows = np.full(len(device_ids), self._rules.record())
        for number, device_id in enumerate(device_ids):
            if device_id in self._own_rules:
                rows[number] = self._own_rules[device_id].record()
        return rows

    def _look_at_late(self, numbers: npt.NDArray[Any], stored_ms: npt.NDArray[Any], anew: Anew, judged: Judged) -> None:
        """Ask for the repair of phones with late points; leave out points that were judged before, as it seems."""
        standings = self._known.standings
        is_replayed = (stored_ms > _NEVER_S * 1000) & (stored_ms < standings["stored_ms"][numbers] - _REPLAYED_MS)
        judged.repeated += int((anew.is_late & is_replayed).sum())
        is_late = anew.is_late & ~is_replayed
        for number in np.unique(numbers[is_late]):
            late_ms = int(anew.points["at_ms"][is_late & (numbers == number)].min())
            repair = self.ask(self._device_ids[number], late_ms)
            judged.repairs += [] if repair is None else [repair]

    def _ask_since(self, number: int, since_ms: int) -> Repair:
        standing = self._known.standings[number]
        standing["late_ms"] = since_ms if standing["late_ms"] == NO_MS else min(since_ms, int(standing["late_ms"]))
        standing["asked"] += 1
        return Repair(
            device_id=self._device_ids[number],
            number=int(standing["asked"]),
            since_ms=int(standing["late_ms"]),
            base=_base_of(standing),
        )


def warm_up(rules: Rules) -> None:
    """Have everything compiled, so that the first batch need not wait; later starts find it compiled."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    fix = Fix(
        fix_id="warm-up:1",
        device_id="warm-up:1",
        fixed_at=at,
        device_at=at,
        server_at=at,
        latitude_deg=1,
        longitude_deg=1,
    )
    fleet = Fleet(rules)
    fleet.on_fixes([fix])
    fleet.on_time(at)
    repair = Repair(device_id="warm-up:2", number=0, since_ms=0, base=(0, 0, 0))
    fleet.adopt(Repaired(repair=repair, phone=bytes(PHONE.itemsize), found=b""))


def _readable(fixes: Sequence[Fix], judged: Judged) -> tuple[Sequence[Fix], npt.NDArray[Any]]:
    """The fixes that have a number, each of which is a place in the order, and their points."""
    try:
        return fixes, points_of(fixes)
    except SetAside:
        good = []
    for index, fix in enumerate(fixes):
        try:
            fix_no_of(fix.fix_id)
        except SetAside as error:
            judged.set_aside.append((index, error))
        else:
            good.append(fix)
    return good, points_of(good)


def _first_standing() -> npt.NDArray[Any]:
    standing = np.zeros(1, STANDING)
    for name in ("base_at_ms", "heard_ms", "due_ms", "stored_ms", "late_ms", "grown_ms"):
        standing[name] = NO_MS
    return standing


_AT_FIRST = _first_standing()


def _base_of(standing: Any) -> tuple[int, int, int]:
    return int(standing["base_at_ms"]), int(standing["base_server_ms"]), int(standing["base_no"])


def _unpacked(snapshot: bytes) -> _Snapshot:
    try:
        head = _decoder.decode(snapshot)
        is_whole = head.version == FLEET_VERSION and len(head.phones) == len(head.device_ids) * PHONE.itemsize
    except msgspec.MsgspecError as error:
        raise SetAside("unreadable_snapshot", str(error)) from error
    if not is_whole:
        raise SetAside("unknown_snapshot", f"version {head.version}; wanted version {FLEET_VERSION}, whole")
    return head
