"""Measures how long a fix takes to the map and an event to its reader, by watching as a browser and a reader do."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from statistics import quantiles
from types import TracebackType
from typing import Self

import websocket
from kafka.errors import KafkaError

from infra.census import open_consumer, partitions_of
from itrack.errors import SetAside, TryAgain
from itrack.settings import Settings
from itrack.wire import decode_event

__all__ = ["EventWatch", "MapWatch", "percentiles"]


class _Watch(ABC):
    """Watches from a thread of its own while the `with` block runs.

    Raises:
        TryAgain: what it watched went away; raised when the block begins or ends.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.done = threading.Event()
        self.ready = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    @abstractmethod
    def watch(self) -> None:
        """Set `ready` when nothing can be missed any more, then watch until `done` is set."""

    def __enter__(self) -> Self:
        self._thread.start()
        if not self.ready.wait(timeout=30) or self._failure is not None:
            raise TryAgain(f"{type(self).__name__} could not begin: {self._failure or 'no answer within 30 s'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        self._thread.join(timeout=10)
        if self._failure is not None and error is None:
            raise TryAgain(f"{type(self).__name__} ended too early: {self._failure}")

    def _run(self) -> None:
        try:
            self.watch()
        except (websocket.WebSocketException, KafkaError, OSError, ValueError) as error:
            self._failure = error
            self.ready.set()


class MapWatch(_Watch):
    """A browser's websocket on the live map.

    Attributes:
        seen_at: when each fix was first seen, by its identifier.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.seen_at: dict[str, datetime] = {}

    def watch(self) -> None:
        """Note every fix in every frame."""
        address = self.settings.map_address
        url = f"ws{address.removeprefix('http')}/ws"
        with closing(websocket.create_connection(url, timeout=1.0, origin=address)) as socket:
            self.ready.set()
            while not self.done.is_set():
                try:
                    frame = json.loads(socket.recv())
                except websocket.WebSocketTimeoutException:
                    continue
                now = datetime.now(UTC)
                for fix in frame.get("fixes", ()):
                    self.seen_at.setdefault(fix["fix_id"], now)


class EventWatch(_Watch):
    """A reader of the topic of events, from its end.

    Attributes:
        latencies_ms: from the moment an event could be known until it was read, by its identifier.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.latencies_ms: dict[str, float] = {}

    def watch(self) -> None:
        """Note every event."""
        with closing(open_consumer(self.settings)) as consumer:
            partitions = partitions_of(consumer, self.settings.events_topic)
            consumer.assign(partitions)
            consumer.seek_to_end(*partitions)
            for partition in partitions:
                consumer.position(partition)
            self.ready.set()
            while not self.done.is_set():
                polled = consumer.poll(timeout_ms=200)
                now = datetime.now(UTC)
                for record in (record for records in polled.values() for record in records):
                    try:
                        event = decode_event(record.value)
                    except SetAside:
                        continue  # not an event: nothing to measure
                    latency_ms = (now - event.knowable_at).total_seconds() * 1000
                    self.latencies_ms.setdefault(event.event_id, latency_ms)


def percentiles(values_ms: Sequence[float]) -> dict[str, float | None]:
    """The 50th, 95th and 99th percentile in milliseconds; None when there are fewer than two values."""
    if len(values_ms) < 2:
        return {"p50": None, "p95": None, "p99": None}
    cuts = quantiles(values_ms, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "p99": round(cuts[98], 1)}
