"""The order in which positions are processed: held back, sorted per device, and mixed up over connections. Pure.

Traccar answers 200, waits (`server.buffering.threshold`), then processes. An older report that arrives while newer ones
of its device wait makes those wait anew, so that they come out sorted. What is released in the same tick over
separate connections runs on separate threads, and so in any order; over one connection the order holds.
"""

from __future__ import annotations

from bisect import bisect_right
from random import Random
from typing import Any

import msgspec

from simulator.stand_in.osmand import Report

__all__ = ["Held", "HoldingBuffer"]


class Held(msgspec.Struct, kw_only=True):
    """A report on its way to being processed."""

    report: Report
    device_id: int
    connection: Any
    received_ms: int
    release_ms: int


class HoldingBuffer:
    """Reports between their 200 and their storage. They are lost when the server stops, as in Traccar.

    Args:
        hold_ms: how long each waits; 0 releases it in the next tick.
        seed: of the disorder.
    """

    def __init__(self, hold_ms: int, seed: int = 0) -> None:
        self._hold_ms = hold_ms
        self._random = Random(seed)  # noqa: S311 - disorder, not secrecy
        self._waiting: dict[int, list[Held]] = {}

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._waiting.values())

    def add(self, report: Report, device_id: int, connection: object, now_ms: int) -> None:
        """Take a report in."""
        held = Held(
            report=report,
            device_id=device_id,
            connection=connection,
            received_ms=now_ms,
            release_ms=now_ms + self._hold_ms,
        )
        queue = self._waiting.setdefault(device_id, [])
        if self._hold_ms == 0:
            queue.append(held)
            return
        place = bisect_right(queue, report.time_ms, key=_fix_time)
        queue.insert(place, held)
        for later in queue[place + 1 :]:
            later.release_ms = held.release_ms

    def release(self, now_ms: int) -> list[Held]:
        """What is due by `now_ms`, in the order in which it is to be processed."""
        due: list[Held] = []
        for device_id, queue in list(self._waiting.items()):
            due.extend(held for held in queue if held.release_ms <= now_ms)
            left = [held for held in queue if held.release_ms > now_ms]
            if left:
                self._waiting[device_id] = left
            else:
                del self._waiting[device_id]
        return self._mixed_over_connections(due)

    def _mixed_over_connections(self, due: list[Held]) -> list[Held]:
        by_connection: dict[int, list[Held]] = {}
        for held in due:
            by_connection.setdefault(id(held.connection), []).append(held)
        if len(by_connection) < 2:
            return due
        turns = [connection for connection, queue in by_connection.items() for _ in queue]
        self._random.shuffle(turns)
        queues = {connection: iter(queue) for connection, queue in by_connection.items()}
        return [next(queues[connection]) for connection in turns]


def _fix_time(held: Held) -> int:
    return held.report.time_ms
