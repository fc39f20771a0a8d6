"""The way of devices' present states into MongoDB, beside the fixes: many devices must not hold up a fix."""

from __future__ import annotations

import threading
from collections.abc import Callable

from itrack.device import Device
from itrack.errors import TryAgain
from traccar_bridge.store import FixStore

__all__ = ["DeviceWriter"]

_EVERY_S = 1.0


class DeviceWriter:
    """Writes the newest state of each device that was offered, once a second.

    Args:
        store: where to.
    """

    def __init__(self, store: FixStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._devices: dict[str, Device] = {}

    def offer(self, device: Device) -> None:
        """Put a device's present state up for writing; only its newest is written."""
        with self._lock:
            self._devices[device.device_id] = device

    def work(
        self, stopping: threading.Event, on_failure: Callable[[TryAgain], None], on_success: Callable[[], None]
    ) -> None:
        """Write until `stopping` is set, and then once more.

        Args:
            stopping: set when the part is to end.
            on_failure: told when MongoDB did not take them; they are tried again.
            on_success: told each time that it took them.
        """
        is_last = False
        while not is_last:
            is_last = stopping.wait(_EVERY_S)
            with self._lock:
                devices, self._devices = self._devices, {}
            try:
                self._store.write_devices(devices.values())
            except TryAgain as error:
                with self._lock:
                    self._devices = devices | self._devices
                on_failure(error)
            else:
                if devices:
                    on_success()
