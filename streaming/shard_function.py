"""What Spark calls for each shard in each micro-batch: rows and the state's bytes in, findings as rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pandas as pd

from itrack.wire import encode
from streaming.shards import Message, Shard, ShardPlan, silence_of

__all__ = ["OUTPUT_SCHEMA", "STATE_SCHEMA", "ShardFunction", "shard_function"]

OUTPUT_SCHEMA = "kind string, payload binary"
"""`kind` is `event`, `staypoint`, `cell_part`, `dead_letter` or `report`; `payload` is the struct as JSON."""
STATE_SCHEMA = "packed binary"

ShardFunction = Callable[[tuple[Any, ...], Iterator[pd.DataFrame], Any], Iterator[pd.DataFrame]]


def shard_function(plan: ShardPlan) -> ShardFunction:
    """The function for `applyInPandasWithState`, grouped by shard number.

    Its rows have `is_tick`, `partition`, `offset`, `received_at` (naive UTC), `value`; topic names are in `origin`.
    """

    def on_shard(key: tuple[Any, ...], frames: Iterator[pd.DataFrame], state: Any) -> Iterator[pd.DataFrame]:
        messages, ticks = _read(frames)
        number = int(key[0])
        shard = Shard(number, plan, bytes(state.get[0]) if state.exists else None)
        findings = shard.on_batch(messages, silence_of(ticks))
        packed, report = shard.pack()
        state.update((packed,))
        rows = [
            *(("event", encode(event)) for event in findings.events),
            *(("staypoint", encode(staypoint)) for staypoint in findings.open_staypoints),
            *(("cell_part", msgspec.json.encode((number, part))) for part in findings.cell_parts),
            *(("dead_letter", encode(letter)) for letter in findings.dead_letters),
            ("report", encode(report)),
        ]
        yield pd.DataFrame(rows, columns=["kind", "payload"])

    return on_shard


def _read(frames: Iterator[pd.DataFrame]) -> tuple[list[Message], list[bytes]]:
    messages: list[Message] = []
    ticks: list[bytes] = []
    for frame in frames:
        columns = (frame["is_tick"], frame["origin"], frame["received_at"].dt.tz_localize("UTC"), frame["value"])
        for is_tick, origin, received_at, value in zip(*columns, strict=True):
            content = b"" if value is None else bytes(value)
            if is_tick:
                ticks.append(content)
            else:
                messages.append(Message(origin, received_at.to_pydatetime(), content))
    return messages, ticks
