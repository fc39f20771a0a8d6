"""The phones by name, kept current from MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from pymongo.database import Database

from itrack.device import Device
from itrack.errors import SetAside, TryAgain
from itrack.mongo import DEVICES, Document
from itrack.mongo_errors import asking_mongodb
from itrack.wire import struct_of_document
from live_map.frames import LiveDevice, live_device
from live_map.metrics import SET_ASIDE

__all__ = ["MOST_DEVICES", "Roster", "read_devices"]

MOST_DEVICES = 5000
"""More phones than these one page does not show."""

_WITHIN_S = 5.0
_EVERY_S = 10.0
_AT_MOST_EVERY_S = 0.5


def read_devices(database: Database[Document]) -> list[LiveDevice]:
    """Every phone, in the order of its identifier.

    Raises:
        TryAgain: MongoDB is away.
    """
    devices = []
    with asking_mongodb("read the devices", within_s=_WITHIN_S):
        for document in database[DEVICES].find({}).sort("_id", 1).limit(MOST_DEVICES):
            try:
                devices.append(live_device(struct_of_document(document, Device)))
            except SetAside as unreadable:
                SET_ASIDE.labels(unreadable.reason).inc()
    return devices


class Roster:
    """Looks for new names and changed ones every ten seconds, and soon when a fix of an unknown phone is seen.

    Args:
        read: reads all phones; may block and may raise `TryAgain`.
        changed: called on the event loop with the phones that are new or changed.
        say: called with whether MongoDB answers, and a sentence.
    """

    def __init__(
        self,
        read: Callable[[], list[LiveDevice]],
        changed: Callable[[list[LiveDevice]], None],
        say: Callable[[bool, str], None],
    ) -> None:
        self._read = read
        self._changed = changed
        self._say = say
        self._known: dict[str, LiveDevice] = {}
        self._asked_for: set[str] = set()
        self._look_now = asyncio.Event()

    def seen(self, device_ids: Iterable[str]) -> None:
        """Note whose fixes came; an unknown phone makes the roster look soon, once."""
        unknown = {each for each in device_ids if each not in self._known} - self._asked_for
        if unknown:
            self._asked_for |= unknown
            self._look_now.set()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                devices = await asyncio.to_thread(self._read)
            except TryAgain as error:
                self._say(False, str(error))
            else:
                self._say(True, "working")
                self._note(devices)
            await asyncio.sleep(_AT_MOST_EVERY_S)
            try:
                await asyncio.wait_for(self._look_now.wait(), _EVERY_S)
            except TimeoutError:
                self._asked_for.clear()
            self._look_now.clear()

    def _note(self, devices: list[LiveDevice]) -> None:
        fresh = [device for device in devices if self._known.get(device.device_id) != device]
        self._known = {device.device_id: device for device in devices}
        if fresh:
            self._changed(fresh)
