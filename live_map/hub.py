"""News for every open page: gathered for a moment, encoded once, handed to each page's own short queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from itrack.fix import Fix
from itrack.mobility import Event
from live_map.frames import LiveDevice, News, live_fix
from live_map.metrics import CLIENTS, DROPPED_CLIENTS, FIX_LATENCY, FRAMES_SENT
from live_map.placing import is_drawable

__all__ = ["Client", "Hub"]

_BATCH_S = 0.025
_FIXES_PER_FRAME = 1000
_QUEUE_FRAMES = 100


class Client:
    """One open page.

    Attributes:
        frames: what it has yet to be sent.
        is_too_slow: its queue ran over; it has to be let go.
    """

    def __init__(self, queue_frames: int) -> None:
        self.frames: asyncio.Queue[str] = asyncio.Queue(queue_frames)
        self.is_too_slow = asyncio.Event()


class Hub:
    """Hands news to every open page. Everything here runs on one event loop.

    News goes out at once when there was none for `batch_s`, otherwise together with what else comes within it. A
    page whose queue is full is let go: it connects again and reads the state, and nobody waits for it.

    Args:
        batch_s: the longest time that news waits for company.
        queue_frames: how many frames a page may lag behind.
        most_clients: how many pages may be open.
    """

    def __init__(
        self, *, batch_s: float = _BATCH_S, queue_frames: int = _QUEUE_FRAMES, most_clients: int = 200
    ) -> None:
        self._batch_s = batch_s
        self._queue_frames = queue_frames
        self._most_clients = most_clients
        self._clients: set[Client] = set()
        self._fixes: list[Fix] = []
        self._events: list[Event] = []
        self._devices: list[LiveDevice] = []
        self._flushed_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        """True when no further page may join."""
        return len(self._clients) >= self._most_clients

    def join(self) -> Client:
        """A new page; it gets everything that is published from now on."""
        client = Client(self._queue_frames)
        self._clients.add(client)
        CLIENTS.set(len(self._clients))
        return client

    def leave(self, client: Client) -> None:
        """Forget a page. Safe to repeat."""
        self._clients.discard(client)
        CLIENTS.set(len(self._clients))

    def publish(
        self, fixes: Iterable[Fix] = (), events: Iterable[Event] = (), devices: Iterable[LiveDevice] = ()
    ) -> None:
        """Send news to every page, within `batch_s`. Fixes that cannot be drawn are left out."""
        self._fixes.extend(fix for fix in fixes if is_drawable(fix))
        self._events.extend(events)
        self._devices.extend(devices)
        if self._timer is not None or not (self._fixes or self._events or self._devices):
            return
        loop = asyncio.get_running_loop()
        wait_s = self._flushed_s + self._batch_s - loop.time()
        if wait_s <= 0:
            self._flush()
        else:
            self._timer = loop.call_later(wait_s, self._flush)

    def say(self, frame: msgspec.Struct) -> None:
        """Send a frame other than news to every page, after the news so far."""
        self._flush()
        self._hand_out(frame)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        fixes, events, devices = self._fixes, self._events, self._devices
        self._fixes, self._events, self._devices = [], [], []
        self._flushed_s = asyncio.get_running_loop().time()
        sent_at = datetime.now(UTC)
        for first in range(0, max(len(fixes), 1), _FIXES_PER_FRAME):
            some = fixes[first : first + _FIXES_PER_FRAME]
            if some or events or devices:
                self._hand_out(
                    News(sent_at=sent_at, fixes=[live_fix(fix) for fix in some], events=events, devices=devices)
                )
            events, devices = [], []
        for fix in fixes:
            FIX_LATENCY.observe(max(0.0, (sent_at - fix.server_at).total_seconds()))

    def _hand_out(self, frame: msgspec.Struct) -> None:
        if not self._clients:
            return
        text = msgspec.json.encode(frame).decode()
        for client in tuple(self._clients):
            try:
                client.frames.put_nowait(text)
            except asyncio.QueueFull:
                client.is_too_slow.set()
                self.leave(client)
                DROPPED_CLIENTS.inc()
            else:
                FRAMES_SENT.inc()
