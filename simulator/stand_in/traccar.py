"""The stand-in's heart: reports come in, positions are stored and pushed. For the ports see `web` and `osmand_port`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from simulator.stand_in.access import Access
from simulator.stand_in.buffer import Held, HoldingBuffer
from simulator.stand_in.feed import Feed, Listener
from simulator.stand_in.osmand import BrokenRequest, read_request
from simulator.stand_in.processing import is_latest, position_of_report
from simulator.stand_in.records import Device, Position, User, encode
from simulator.stand_in.store import Store
from simulator.stand_in.times import iso_of_ms, now_ms

__all__ = ["AccessDenied", "Options", "Traccar"]


class AccessDenied(Exception):
    """Traccar's SecurityException: it answers 400, not 403."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How this Traccar is configured.

    Attributes:
        buffering_s: how long positions wait before they are stored (`server.buffering.threshold`, 3 s by default).
        register_unknown: make a device for an unknown id on its first report (`database.registerUnknown`).
        max_positions: cut answers of deviceId/from/to after so many, silently; None for never.
        keepalive_s: between two empty frames to all sockets.
        status_timeout_s: a device that is silent for so long turns from online to unknown, and sockets hear of it.
        seed: of the disorder over connections.
    """

    buffering_s: float = 0.0
    register_unknown: bool = False
    max_positions: int | None = None
    keepalive_s: float = 55.0
    status_timeout_s: float = 600.0
    seed: int = 0


class Traccar:
    """One running stand-in server, from start to stop.

    Args:
        file: of the database.
        options: its configuration.
        release_soon: called when positions wait and no timer will release them; must call `release` soon after.
    """

    def __init__(self, file: Path, options: Options, release_soon: Callable[[], None]) -> None:
        self.options = options
        self.store = Store(file)
        self.access = Access(self.store)
        self.feed = Feed()
        self.received = 0
        self._buffer = HoldingBuffer(round(options.buffering_s * 1000), options.seed)
        self._release_soon = release_soon
        self.devices: dict[int, Device] = {}
        self._ids: dict[str, int] = {}
        self._latest: dict[int, Position] = {}
        self._processed: dict[int, Position] = {}
        for device in self.store.devices():
            device.status = "offline"
            self._remember(device)
            body = self.store.position(device.position_id)
            if body is not None:
                self._latest[device.id] = self._processed[device.id] = msgspec.json.decode(body, type=Position)

    @property
    def waiting(self) -> int:
        """Reports answered with 200 but not yet stored."""
        return len(self._buffer)

    def receive(self, query: str, content_type: str, body: bytes, connection: object, raw: str = "") -> int:
        """Take one OsmAnd request.

        Args:
            query: what follows `?` in the URL.
            content_type: of the body.
            body: of the request.
            connection: what it came over; order holds within a connection only.
            raw: the request as text, for sockets that asked for logs.

        Returns:
            The HTTP status. 200 means: taken, neither processed nor stored yet.

        Raises:
            BrokenRequest: close the connection without an answer.
        """
        received_ms = now_ms()
        report = read_request(query, content_type, body, received_ms)
        if report.unique_id is None:
            return 400
        device = self._device_of(report.unique_id)
        if device is None:
            return 404 if report.is_json else 400
        if device.disabled:
            raise BrokenRequest("the device is disabled")
        self.received += 1
        device.status, device.last_update = "online", iso_of_ms(received_ms)
        self.feed.send(device.id, encode({"devices": [device]}))
        if raw:
            line = {"protocol": "osmand", "uniqueId": device.unique_id, "deviceId": device.id, "data": raw}
            self.feed.send_log(encode({"logs": [line]}))
        self._buffer.add(report, device.id, connection, received_ms)
        if self.options.buffering_s == 0:
            self._release_soon()
        return 200

    def release(self) -> None:
        """Process, store and push every position that has waited long enough."""
        stored: list[Position] = []
        pushed: list[Position] = []
        for held in self._buffer.release(now_ms()):
            position = self._process(held)
            if position is None:
                continue
            stored.append(position)
            if is_latest(position, self._latest.get(position.device_id)):
                self._latest[position.device_id] = position
                self.devices[position.device_id].position_id = position.id
                pushed.append(position)
        if not stored:
            return
        self.store.save_batch(stored, [self.devices[device_id] for device_id in {row.device_id for row in stored}])
        for position in pushed:
            self.feed.send(position.device_id, encode({"positions": [position]}))

    def notice_silence(self) -> None:
        """Turn devices that have been silent for too long from online to unknown."""
        oldest = iso_of_ms(now_ms() - round(self.options.status_timeout_s * 1000))
        for device in self.devices.values():
            if device.status == "online" and device.last_update is not None and device.last_update < oldest:
                device.status = "unknown"
                self.feed.send(device.id, encode({"devices": [device]}))

    def open_socket(self, user: User) -> Listener:
        """Connect a user's socket; its first frame holds the latest position of each of their devices."""
        device_ids = self.access.links[user.id]
        listener = self.feed.open(user.id, device_ids)
        latest = [self._latest[device_id] for device_id in sorted(device_ids) if device_id in self._latest]
        self.feed.send_to(listener, encode({"positions": latest}))
        return listener

    def devices_of(self, user: User) -> list[Device]:
        """The devices a user is linked to."""
        return [self.devices[device_id] for device_id in sorted(self.access.links[user.id])]

    def latest_of(self, user: User) -> list[Position]:
        """The latest position of each device a user is linked to."""
        return [self._latest[device.id] for device in self.devices_of(user) if device.id in self._latest]

    def latest_of_device(self, device_id: int) -> Position | None:
        """The latest position of one device."""
        return self._latest.get(device_id)

    def add_device(self, device: Device, user: User) -> Device:
        """Create a device for a user, who hears of it at once. No frame tells anybody.

        Raises:
            AccessDenied: the user's `deviceLimit` allows no more.
            sqlite3.IntegrityError: the unique id is taken; an identifier is used up all the same.
        """
        if 0 <= user.device_limit <= len(self.access.links[user.id]):
            raise AccessDenied("Write access denied")
        device.id = self.store.burn_id("devices")
        device.status, device.last_update, device.position_id = "offline", None, 0
        self.store.save_device(device)
        self._remember(device)
        self.access.link(user.id, device.id)
        self.feed.add_device(user.id, device.id)
        return device

    def change_device(self, device: Device) -> Device:
        """Replace what people may change of a device.

        Raises:
            sqlite3.IntegrityError: the unique id is taken.
        """
        old = self.devices[device.id]
        device.status, device.last_update, device.position_id = old.status, old.last_update, old.position_id
        self.store.save_device(device)
        self._ids.pop(old.unique_id or "", None)
        self._remember(device)
        return device

    def remove_device(self, device_id: int) -> None:
        """Delete a device and its positions, if it exists."""
        device = self.devices.pop(device_id, None)
        if device is not None:
            self._ids.pop(device.unique_id or "", None)
        self._latest.pop(device_id, None)
        self._processed.pop(device_id, None)
        self.access.forget_device(device_id)
        self.feed.remove_device(device_id)
        self.store.remove_device(device_id)

    def store_past(self, device_id: int, fix_times_s: Iterable[int]) -> None:
        """Store positions of a device with these fix times, and push none of them."""
        device = self.devices[device_id]
        positions = []
        for at in (iso_of_ms(at_s * 1000) for at_s in fix_times_s):
            device.position_id = self.store.burn_id("positions")
            positions.append(
                Position(
                    id=device.position_id,
                    attributes={
                        "batteryLevel": 83.0,
                        "distance": 12.3456789,
                        "totalDistance": 1234.56789,
                        "motion": True,
                    },
                    device_id=device_id,
                    server_time=at,
                    device_time=at,
                    fix_time=at,
                    latitude=47.123456,
                    longitude=8.654321,
                    altitude=408.0,
                    speed=2.7,
                    course=90.0,
                    accuracy=12.5,
                )
            )
        self.store.save_batch(positions, [device])

    def close(self) -> None:
        """Close the database. What still waits in the buffer is lost, although it was answered with 200."""
        self.store.close()

    def _remember(self, device: Device) -> None:
        self.devices[device.id] = device
        self._ids[device.unique_id or ""] = device.id

    def _device_of(self, unique_id: str) -> Device | None:
        device_id = self._ids.get(unique_id) if unique_id else None
        if device_id is not None:
            return self.devices[device_id]
        if not unique_id or not self.options.register_unknown:
            return None
        device = Device(id=self.store.burn_id("devices"), name=unique_id, unique_id=unique_id)
        self.store.save_device(device)
        self._remember(device)
        for user in self.access.users.values():
            if user.administrator:
                self.access.link(user.id, device.id)
                self.feed.add_device(user.id, device.id)
        return device

    def _process(self, held: Held) -> Position | None:
        if held.device_id not in self.devices:
            return None
        latest, processed = self._latest.get(held.device_id), self._processed.get(held.device_id)
        try:
            position = position_of_report(held.report, held.device_id, held.received_ms, latest, processed)
        except OverflowError:
            return None
        if position is None:
            return None
        position.id = self.store.burn_id("positions")
        self._processed[held.device_id] = position
        return position
