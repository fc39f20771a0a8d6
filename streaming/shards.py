"""One shard of phones: the bytes of its state and the messages of a batch in, findings and new bytes out.

Nothing here knows Spark. A shard's whole state is one value, the snapshot of its fleet. Why state is kept so:
`docs/decisions/0003-state-in-shards.md`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

import msgspec

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mobility import Verdict
from itrack.trajectory.fleet import FLEET_VERSION, Anchor, AskRepair, Fleet, Judged, Repair, Repaired
from itrack.trajectory.news import News, news_of
from itrack.trajectory.point import instant_of
from itrack.wire import DeadLetter, dead_letter, decode_fix
from streaming.plan import ShardPlan

__all__ = ["STATE_VERSION", "Findings", "Message", "Shard", "ShardReport", "silence_of"]

STATE_VERSION = FLEET_VERSION
"""Names the form of a shard's state; a checkpoint belongs to one."""


class Message(msgspec.Struct, frozen=True):
    """A Kafka message: where it stood, when Kafka had it, and its bytes."""

    origin: str
    received_at: datetime
    value: bytes


class ShardReport(msgspec.Struct, kw_only=True):
    """What a shard tells about itself after a batch.

    Attributes:
        shard: which one.
        due_ms: server time at which silence will next tell something; None for never.
        fix_count, repeated: fixes judged in this batch; how many of them had been judged before.
        set_aside: how many of them were set aside, by flag.
        repairs: how many repairs were asked for.
        device_count: phones in its state.
        state_bytes: size of its state.
    """

    shard: int
    due_ms: int | None
    fix_count: int
    repeated: int
    set_aside: dict[str, int]
    repairs: int
    device_count: int
    state_bytes: int


class Findings(msgspec.Struct):
    """What a batch made known in one shard."""

    news: list[News] = []
    anchors: list[Anchor] = []
    repairs: list[Repair] = []
    dead_letters: list[DeadLetter] = []


class Shard:
    """The phones of one shard.

    Args:
        number: which shard.
        plan: how it works.
        state: what `pack` gave after the batch before; None at the very beginning.
    """

    def __init__(self, number: int, plan: ShardPlan, state: bytes | None = None) -> None:
        self._number = number
        self._plan = plan
        self._fleet = Fleet(plan.rules, state, plan.own_rules)
        self._set_aside: Counter[str] = Counter()
        self._fix_count = 0
        self._repeated = 0
        self._repairs = 0
        self._speaker = lru_cache(1024)(plan.speaker)

    def on_batch(
        self, messages: Iterable[Message], silent_until: datetime | None, about_repairs: Iterable[bytes] = ()
    ) -> Findings:
        """Hear of repairs, judge a batch of fixes, then the silence.

        Args:
            messages: encoded fixes, in any order.
            silent_until: every fix that Kafka had until then was given; None when that is not known.
            about_repairs: what repairs have found (`Repaired`), and wishes for one (`AskRepair`), as JSON.
        """
        findings = Findings()
        for message in map(_decode_about_repair, about_repairs):
            if isinstance(message, Repaired):
                self._keep(self._fleet.adopt(message), findings)
            elif (repair := self._fleet.ask(message.device_id, message.since_ms)) is not None:
                findings.repairs.append(repair)
                self._repairs += 1
        fixes: list[Fix] = []
        theirs: list[Message] = []
        for message in messages:
            try:
                fix = decode_fix(message.value)
            except SetAside as error:
                findings.dead_letters.append(dead_letter(message.origin, error, message.value, message.received_at))
            else:
                fixes.append(fix)
                theirs.append(message)
        judged = self._fleet.on_fixes(fixes)
        for number, problem in judged.set_aside:
            message = theirs[number]
            findings.dead_letters.append(dead_letter(message.origin, problem, message.value, message.received_at))
        self._keep(judged, findings)
        if silent_until is not None:
            self._keep(self._fleet.on_time(silent_until), findings)
        return findings

    def pack(self) -> tuple[bytes, ShardReport]:
        """The state to keep, and the report of the batch."""
        packed = self._fleet.snapshot()
        return packed, ShardReport(
            shard=self._number,
            due_ms=self._fleet.due_ms(),
            fix_count=self._fix_count,
            repeated=self._repeated,
            set_aside=dict(self._set_aside),
            repairs=self._repairs,
            device_count=self._fleet.device_count,
            state_bytes=len(packed),
        )

    def _keep(self, judged: Judged, findings: Findings) -> None:
        news = news_of(judged, self._speaker)
        findings.news.append(news)
        findings.anchors += judged.anchors
        findings.repairs += judged.repairs
        self._fix_count += judged.fix_count
        self._repeated += judged.repeated
        self._repairs += len(judged.repairs)
        self._set_aside.update(kept.flag for kept in news.kept if isinstance(kept, Verdict))


_decode_about_repair = msgspec.json.Decoder(AskRepair | Repaired).decode


def silence_of(values: Iterable[bytes]) -> datetime | None:
    """The latest moment that a batch's ticks vouch for; None without a tick that can be read."""
    moments = [int(value) for value in values if value.isdigit() and len(value) < 16]
    return instant_of(max(moments)) if moments else None
