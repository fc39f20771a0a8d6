"""What Spark calls for each shard in each micro-batch: rows and the state's bytes in, findings as rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pandas as pd

from streaming.plan import ShardPlan
from streaming.shards import Message, Shard, silence_of

__all__ = ["ABOUT_REPAIR", "FIX", "OUTPUT_SCHEMA", "STATE_SCHEMA", "TICK", "ShardFunction", "shard_function"]

OUTPUT_SCHEMA = "kind string, payload binary"
"""`kind` is `event`, `progress`, `anchor`, `repair`, `dead_letter`, `report`, or `kept` or `dropped` with a colon and
the name of the finding's struct; `payload` is the struct as MessagePack."""
STATE_SCHEMA = "packed binary"

FIX, TICK, ABOUT_REPAIR = 0, 1, 2
"""What a message is, by its topic."""

ShardFunction = Callable[[tuple[Any, ...], Iterator[pd.DataFrame], Any], Iterator[pd.DataFrame]]


def shard_function(plan: ShardPlan) -> ShardFunction:
    """The function for `applyInPandasWithState`, grouped by shard number.

    Its rows have `what` (`FIX`, `TICK` or `ABOUT_REPAIR`), `origin`, `received_at` (naive UTC) and `value`.
    """

    def on_shard(key: tuple[Any, ...], frames: Iterator[pd.DataFrame], state: Any) -> Iterator[pd.DataFrame]:
        messages, ticks, about_repairs = _read(frames)
        number = int(key[0])
        shard = Shard(number, plan, bytes(state.get[0]) if state.exists else None)
        findings = shard.on_batch(messages, silence_of(ticks), about_repairs)
        packed, report = shard.pack()
        state.update((packed,))
        encode = msgspec.msgpack.encode
        rows = [
            *(("event", encode(event)) for news in findings.news for event in news.events),
            *((f"kept:{type(each).__name__}", encode(each)) for news in findings.news for each in news.kept),
            *((f"dropped:{type(each).__name__}", encode(each)) for news in findings.news for each in news.dropped),
            *(("progress", encode(staypoint)) for news in findings.news for staypoint in news.progress),
            *(("anchor", encode(anchor)) for anchor in findings.anchors),
            *(("repair", encode((number, repair))) for repair in findings.repairs),
            *(("dead_letter", encode(letter)) for letter in findings.dead_letters),
            ("report", encode(report)),
        ]
        yield pd.DataFrame(rows, columns=["kind", "payload"])

    return on_shard


def _read(frames: Iterator[pd.DataFrame]) -> tuple[list[Message], list[bytes], list[bytes]]:
    messages: list[Message] = []
    ticks: list[bytes] = []
    about_repairs: list[bytes] = []
    for frame in frames:
        columns = (frame["what"], frame["origin"], frame["received_at"].dt.tz_localize("UTC"), frame["value"])
        for what, origin, received_at, value in zip(*columns, strict=True):
            content = b"" if value is None else bytes(value)
            if what == TICK:
                ticks.append(content)
            elif what == ABOUT_REPAIR:
                about_repairs.append(content)
            else:
                messages.append(Message(origin, received_at.to_pydatetime(), content))
    return messages, ticks, about_repairs
