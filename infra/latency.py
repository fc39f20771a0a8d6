"""Measures how long a fix takes to the map and an event to its reader, by watching as a browser and a reader do."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import quantiles

import websocket

from infra.census import open_consumer, partitions_of
from itrack.errors import SetAside
from itrack.settings import Settings
from itrack.wire import decode_event

__all__ = ["EventWatch", "MapWatch", "percentiles"]


class MapWatch:
    """A browser's websocket on the live map; notes when each fix was first seen there."""

    def __init__(self, settings: Settings) -> None:
        self.seen_at: dict[str, datetime] = {}
        self._url = f"ws{settings.map_address.removeprefix('http')}/ws"
        self._origin = settings.map_address
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="map-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._done.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        socket = websocket.create_connection(self._url, timeout=1.0, origin=self._origin)
        while not self._done.is_set():
            try:
                frame = json.loads(socket.recv())
            except websocket.WebSocketTimeoutException:
                continue
            now = datetime.now(UTC)
            for fix in frame.get("fixes", ()):
                self.seen_at.setdefault(fix["fix_id"], now)
        socket.close()


class EventWatch:
    """A reader of the topic of events; notes how long each took since it could be known."""

    def __init__(self, settings: Settings) -> None:
        self.latencies_ms: dict[str, float] = {}
        self._settings = settings
        self._done = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="event-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch at the end of the topic."""
        self._thread.start()
        self._ready.wait(timeout=20)

    def stop(self) -> None:
        """End the watch."""
        self._done.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        topic = self._settings.events_topic
        consumer = open_consumer(self._settings)
        partitions = partitions_of(consumer, topic)
        consumer.assign(partitions)
        consumer.seek_to_end(*partitions)
        for partition in partitions:
            consumer.position(partition)
        self._ready.set()
        while not self._done.is_set():
            for records in consumer.poll(timeout_ms=200).values():
                now = datetime.now(UTC)
                for record in records:
                    try:
                        event = decode_event(record.value)
                    except SetAside:
                        continue  # not an event: nothing to measure
                    latency_ms = (now - event.knowable_at).total_seconds() * 1000
                    self.latencies_ms.setdefault(event.event_id, latency_ms)
        consumer.close()


def percentiles(values_ms: Sequence[float]) -> dict[str, float | None]:
    """The 50th, 95th and 99th percentile in milliseconds; None when there are fewer than two values."""
    if len(values_ms) < 2:
        return {"p50": None, "p95": None, "p99": None}
    cuts = quantiles(values_ms, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "p99": round(cuts[98], 1)}
