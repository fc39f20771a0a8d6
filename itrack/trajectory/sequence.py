"""What is wrong with a fix beside those before it: duplicate, late, at the same instant, or an impossible jump.

A jump can only be judged by what follows: the first fix that is too far away for its time is held back until the
next one shows whether the person was there (the jump stays) or not (it was an error and is set aside).
"""

from __future__ import annotations

from zlib import crc32

import msgspec

from itrack.fix import Fix
from itrack.trajectory.point import Point, distance_m, point_of
from itrack.trajectory.quality import Flag, Verdict, judge_alone
from itrack.trajectory.rules import Rules

__all__ = ["Admission", "SequenceGate", "SequenceState"]

_REMEMBERED = 32
"""How many identifiers are remembered to tell a fix that came twice from one that came late."""


class SequenceState(msgspec.Struct, array_like=True):
    """What the gate remembers of one phone.

    Attributes:
        last: the newest accepted fix.
        suspect: a fix too far from `last` for its time, waiting for the next one.
        recent: checksums of the identifiers of the last fixes.
        newest_server_ms: the latest moment at which the server received one of its fixes.
    """

    last: Point | None = None
    suspect: Point | None = None
    recent: list[int] = []
    newest_server_ms: int = -(2**62)


class Admission(msgspec.Struct):
    """What became of a fix, and of one that was held back for it.

    Attributes:
        accepted: points that now count, oldest first.
        broken: the first of them was reached by no possible movement.
        verdicts: fixes set aside.
        jump: the point of an impossible jump, when one was found.
        is_news: False for a fix that the server had before others already judged: a replay or a late one.
    """

    accepted: list[Point] = []
    broken: bool = False
    verdicts: list[Verdict] = []
    jump: Point | None = None
    is_news: bool = True


class SequenceGate:
    """Lets the fixes of one phone pass in time order, each at most once."""

    def __init__(self, rules: Rules, state: SequenceState) -> None:
        self._rules = rules
        self.state = state

    def admit(self, fix: Fix) -> Admission:
        """Judge the next fix. At most two points pass: one that was held back, and this one."""
        state = self.state
        checksum = crc32(fix.fix_id.encode("utf-8", "replace"))
        if checksum in state.recent:
            return self._set_aside(fix, Flag.DUPLICATE, "The same fix came before.", is_news=False)
        state.recent = [*state.recent[1 - _REMEMBERED :], checksum]
        point = point_of(fix)
        is_news = point.server_ms >= state.newest_server_ms
        state.newest_server_ms = max(state.newest_server_ms, point.server_ms)
        verdict = judge_alone(fix, self._rules)
        if verdict is not None:
            return Admission(verdicts=[verdict], is_news=is_news)
        newest = state.suspect or state.last
        if newest is not None and point.at_ms <= newest.at_ms:
            return self._not_newer(fix, point, newest, is_news=is_news)
        return self._next(point)

    def _not_newer(self, fix: Fix, point: Point, newest: Point, *, is_news: bool) -> Admission:
        if point.at_ms < newest.at_ms:
            return self._set_aside(fix, Flag.LATE, "A newer fix was judged before this one came.", is_news=is_news)
        if (point.latitude_deg, point.longitude_deg) != (newest.latitude_deg, newest.longitude_deg):
            return self._set_aside(fix, Flag.SAME_INSTANT, "Another place has the same time.", is_news=is_news)
        if fix.is_repeated_place:
            return self._set_aside(fix, Flag.REPEATED_PLACE, "The phone repeated its last place.", is_news=is_news)
        return self._set_aside(fix, Flag.DUPLICATE, "The same place and time came before.", is_news=is_news)

    def _next(self, point: Point) -> Admission:
        state = self.state
        last, suspect = state.last, state.suspect
        if last is None or (suspect is None and self._is_possible(last, point)):
            state.last = point
            return Admission(accepted=[point])
        if suspect is None:
            state.suspect = point
            return Admission()
        state.suspect = None
        if self._is_possible(last, point):
            state.last = point
            return Admission(accepted=[point], verdicts=[self._jumped(suspect)], jump=suspect)
        if self._is_possible(suspect, point):
            state.last = point
            return Admission(accepted=[suspect, point], broken=True, jump=suspect)
        state.last = suspect  # too fast before and after: it travels, as in an aeroplane
        state.suspect = point
        return Admission(accepted=[suspect])

    def _is_possible(self, start: Point, end: Point) -> bool:
        metres = distance_m(start.latitude_deg, start.longitude_deg, end.latitude_deg, end.longitude_deg)
        seconds = max(1.0, (end.at_ms - start.at_ms) / 1000)
        return metres - start.accuracy_m - end.accuracy_m <= self._rules.speed_max_mps * seconds

    def _jumped(self, suspect: Point) -> Verdict:
        return Verdict(
            fix_id=suspect.fix_id,
            flag=Flag.IMPOSSIBLE_JUMP,
            reason=f"Faster than {self._rules.speed_max_mps:g} m/s there and back.",
            rules=self._rules.name,
        )

    def _set_aside(self, fix: Fix, flag: Flag, reason: str, *, is_news: bool) -> Admission:
        return Admission(
            verdicts=[Verdict(fix_id=fix.fix_id, flag=flag, reason=reason, rules=self._rules.name)], is_news=is_news
        )
