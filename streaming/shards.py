"""One shard of phones: the bytes of its state and the messages of a batch in, findings and new bytes out.

Nothing here knows Spark. A shard's whole state is one value, packed tightly; only the phones that a batch touches
are unpacked. Why state is kept so: `docs/decisions/0003-state-in-shards.md`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mobility import Event, Staypoint
from itrack.trajectory.cells import CellCounter, CellPart, CellState
from itrack.trajectory.device_logic import SNAPSHOT_VERSION, DeviceLogic
from itrack.trajectory.point import instant_of, milliseconds_of
from itrack.trajectory.rules import Rules
from itrack.wire import DeadLetter, dead_letter, decode_fix

__all__ = ["STATE_VERSION", "Findings", "Message", "Shard", "ShardPlan", "ShardReport"]

STATE_VERSION = f"{SNAPSHOT_VERSION}.1"
"""Names the form of a shard's state; a checkpoint belongs to one. The first number is the phones' own version."""


class ShardPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a shard works: the rules of movement, and the windows (s) and H3 resolution of the counts."""

    rules: Rules
    density_window_s: int
    density_resolution: int


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
        fix_count: fixes decoded in this batch.
        set_aside: how many of them were set aside, by flag.
        device_count: phones in its state.
        state_bytes: size of its state.
    """

    shard: int
    due_ms: int | None
    fix_count: int
    set_aside: dict[str, int]
    device_count: int
    state_bytes: int


class Findings(msgspec.Struct):
    """What a batch made known in one shard."""

    events: list[Event] = []
    open_staypoints: list[Staypoint] = []
    cell_parts: list[CellPart] = []
    dead_letters: list[DeadLetter] = []


class _State(msgspec.Struct, array_like=True):
    """`devices` holds a snapshot by phone, `due_ms` the next moment of those that wait for silence."""

    devices: dict[str, bytes] = {}
    due_ms: dict[str, int] = {}
    cells: CellState = msgspec.field(default_factory=CellState)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


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
        self._state = _State() if state is None else _decoder.decode(state)
        self._cells = CellCounter(plan.density_window_s, plan.density_resolution, self._state.cells)
        self._set_aside: Counter[str] = Counter()
        self._fix_count = 0

    def on_batch(self, messages: Iterable[Message], silent_until: datetime | None) -> Findings:
        """Judge a batch of fixes, then the silence.

        Args:
            messages: encoded fixes, in any order.
            silent_until: every fix that Kafka had until then was given; None when that is not known.
        """
        findings = Findings()
        touched: dict[str, DeviceLogic] = {}
        for device_id, fixes in self._by_device(messages, findings.dead_letters).items():
            touched[device_id] = self._judge(device_id, fixes, findings)
        if silent_until is not None:
            for device_id in self._due_until(silent_until, touched):
                logic = touched.get(device_id) or self._logic(device_id)
                findings.events += logic.on_time(silent_until)
                touched[device_id] = logic
        for device_id, logic in touched.items():
            self._keep(device_id, logic)
            staypoint = logic.open_staypoint()
            if staypoint is not None:
                findings.open_staypoints.append(staypoint)
        findings.cell_parts = self._cells.take_touched()
        return findings

    def pack(self) -> tuple[bytes, ShardReport]:
        """The state to give to the next batch, and a report of this one."""
        packed = _encoder.encode(self._state)
        return packed, ShardReport(
            shard=self._number,
            due_ms=min(self._state.due_ms.values(), default=None),
            fix_count=self._fix_count,
            set_aside=dict(self._set_aside),
            device_count=len(self._state.devices),
            state_bytes=len(packed),
        )

    def _by_device(
        self, messages: Iterable[Message], letters: list[DeadLetter]
    ) -> dict[str, list[tuple[Fix, Message]]]:
        """The fixes of each phone, oldest first: a phone that sends what it had buffered need not send it in order."""
        by_device: defaultdict[str, list[tuple[Fix, Message]]] = defaultdict(list)
        for message in messages:
            try:
                fix = decode_fix(message.value)
            except SetAside as error:
                letters.append(dead_letter(message.origin, error, message.value, message.received_at))
            else:
                self._fix_count += 1
                by_device[fix.device_id].append((fix, message))
        for fixes in by_device.values():
            fixes.sort(key=lambda each: (min(each[0].fixed_at, each[0].server_at), each[0].server_at, each[0].fix_id))
        return by_device

    def _judge(self, device_id: str, fixes: list[tuple[Fix, Message]], findings: Findings) -> DeviceLogic:
        """Fold a phone's fixes. One that the logic fails on is a dead letter; the others count as if it never came."""
        logic = self._logic(device_id)
        good: list[Fix] = []
        for fix, message in fixes:
            try:
                events = logic.on_fix(fix)
            except Exception as error:  # noqa: BLE001 - whatever it is, one phone must not stop all others
                problem = SetAside("logic_failed", f"{type(error).__name__}: {error}")
                findings.dead_letters.append(dead_letter(message.origin, problem, message.value, message.received_at))
                logic = self._logic(device_id)
                for earlier in good:
                    logic.on_fix(earlier)
                continue
            good.append(fix)
            findings.events += events
            if not any(verdict.fix_id == fix.fix_id for verdict in logic.verdicts):
                self._cells.count(fix)
            self._set_aside.update(str(flag) for flag in logic.flags().elements())
            logic.verdicts.clear()
        return logic

    def _due_until(self, now: datetime, touched: dict[str, DeviceLogic]) -> Iterator[str]:
        now_ms = milliseconds_of(now)
        yield from list(touched)
        for device_id, due_ms in list(self._state.due_ms.items()):
            if due_ms <= now_ms and device_id not in touched:
                yield device_id

    def _logic(self, device_id: str) -> DeviceLogic:
        return DeviceLogic(device_id, self._plan.rules, self._state.devices.get(device_id))

    def _keep(self, device_id: str, logic: DeviceLogic) -> None:
        self._state.devices[device_id] = logic.snapshot()
        due_ms = logic.due_ms()
        if due_ms is None:
            self._state.due_ms.pop(device_id, None)
        else:
            self._state.due_ms[device_id] = due_ms


def silence_of(values: Iterable[bytes]) -> datetime | None:
    """The latest moment that a batch's ticks vouch for; None without a tick that can be read."""
    moments = [int(value) for value in values if value.isdigit() and len(value) < 16]
    return instant_of(max(moments)) if moments else None
