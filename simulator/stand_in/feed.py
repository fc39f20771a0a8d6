"""The websocket feed: who is connected, which devices they hear of, and what is sent to them."""

from __future__ import annotations

import asyncio

__all__ = ["Feed", "Listener"]


class Listener:
    """One open socket: a queue of frames, None at its end."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()
        self.wants_logs = False


class Feed:
    """All open sockets.

    A user's set of devices is fixed when their first socket opens and forgotten when their last one closes: a device
    that someone else links in between is not heard of, and one that is taken away goes on being heard.
    """

    def __init__(self) -> None:
        self.is_silent = False
        self._listeners: set[Listener] = set()
        self._devices: dict[int, set[int]] = {}

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def wants_logs(self) -> bool:
        """True when a client asked for log frames."""
        return any(listener.wants_logs for listener in self._listeners)

    def open(self, user_id: int, device_ids: set[int]) -> Listener:
        """Add a socket of a user who may see `device_ids` now."""
        listener = Listener(user_id)
        self._devices.setdefault(user_id, set(device_ids))
        self._listeners.add(listener)
        return listener

    def close(self, listener: Listener) -> None:
        """Remove a socket."""
        self._listeners.discard(listener)
        if all(other.user_id != listener.user_id for other in self._listeners):
            self._devices.pop(listener.user_id, None)

    def add_device(self, user_id: int, device_id: int) -> None:
        """A device that a user creates themselves is heard of at once."""
        if user_id in self._devices:
            self._devices[user_id].add(device_id)

    def remove_device(self, device_id: int) -> None:
        """A deleted device is not heard of again."""
        for device_ids in self._devices.values():
            device_ids.discard(device_id)

    def send(self, device_id: int, frame: str) -> None:
        """Send a frame to everyone who hears of a device."""
        for listener in self._listeners:
            if device_id in self._devices[listener.user_id]:
                self.send_to(listener, frame)

    def send_log(self, frame: str) -> None:
        """Send a log frame to everyone who asked for logs."""
        for listener in self._listeners:
            if listener.wants_logs:
                self.send_to(listener, frame)

    def keep_alive(self) -> None:
        """Send the empty object to everyone."""
        for listener in self._listeners:
            self.send_to(listener, "{}")

    def send_to(self, listener: Listener, frame: str) -> None:
        """Send a frame to one socket; a silent server sends none, and nobody is told."""
        if not self.is_silent:
            listener.frames.put_nowait(frame)
