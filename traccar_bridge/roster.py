"""The roster: whose fixes the bridge may store, as Traccar's REST said last."""

from __future__ import annotations

from collections.abc import Iterable

from traccar_bridge.decode import KnownDevice

__all__ = ["Roster"]


class Roster:
    """The devices that the bridge's user was given.

    The socket goes on streaming what a user lost the right to see, and an administrator may read every position by
    its id. So each fix is checked against this list before it is stored. Reading is safe from any thread.

    Attributes:
        devices: by device id; replaced as a whole.
        version: rises when devices come or go.
    """

    def __init__(self) -> None:
        self.devices: dict[str, KnownDevice] = {}
        self.version = 0

    def replace(self, devices: Iterable[KnownDevice]) -> bool:
        """Take a new list.

        Returns:
            True when devices came or went.
        """
        old = self.devices
        self.devices = {known.device.device_id: known for known in devices}
        has_changed = old.keys() != self.devices.keys()
        self.version += has_changed
        return has_changed
