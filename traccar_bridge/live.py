"""From the socket's messages to the live writer: decode, check whose it is, and note what reconciliation must fetch."""

from __future__ import annotations

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.wire import DeadLetter
from traccar_bridge import metrics
from traccar_bridge.decode import decode_device, decode_fix, owner_of, traccar_id_of
from traccar_bridge.device_writer import DeviceWriter
from traccar_bridge.intake import letter_of
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.roster import Roster
from traccar_bridge.share import Share
from traccar_bridge.sightings import Sightings
from traccar_bridge.split import split_frame

__all__ = ["Live"]

_EVERYTHING = Share()


class Live:
    """Takes messages as they come, without waiting for MongoDB.

    Args:
        roster: whose fixes may be stored.
        sightings: told what was shown, and of everything there was no room for.
        writer: where fixes go.
        devices: where devices' states go.
        server: short name of the Traccar server.
        share: only its devices are handed on; that of the first share notes what was shown of all of them.
    """

    def __init__(
        self,
        roster: Roster,
        sightings: Sightings,
        *,
        writer: LiveWriter,
        devices: DeviceWriter,
        server: str,
        share: Share = _EVERYTHING,
    ) -> None:
        self._roster = roster
        self._sightings = sightings
        self._writer = writer
        self._devices = devices
        self._server = server
        self._share = share

    def take(self, message: bytes) -> None:
        """One message of the socket; what cannot be used is set aside."""
        try:
            frame = split_frame(message)
        except SetAside as error:
            self._set_aside(error, message)
            self._sightings.note_gap()
            return
        for raw in frame.devices:
            self._take_device(raw)
        for raw in frame.positions:
            self._take_position(raw)
        self._sightings.heard()

    def _take_device(self, raw: bytes) -> None:
        try:
            device = decode_device(raw, self._server).device
        except SetAside as error:
            self._set_aside(error, raw)
            return
        self._sightings.reported(device)
        if device.device_id in self._roster.devices:
            if self._is_mine(device.device_id):
                self._devices.offer(device)
        else:
            self._sightings.note_stranger()

    def _take_position(self, raw: bytes) -> None:
        if not self._share.is_first:
            owner = owner_of(raw)
            if owner is None or not self._share.has(owner):
                return
        try:
            fix = decode_fix(raw, self._server)
        except SetAside as error:
            self._set_aside(error, raw)
            return
        self._sightings.positioned(fix)
        if fix.device_id in self._roster.devices:
            if self._is_mine(fix.device_id):
                self._offer(fix)
        else:
            metrics.NOT_PERMITTED.inc()
            self._sightings.note_stranger()

    def _is_mine(self, device_id: str) -> bool:
        return self._share.is_all or self._share.has(traccar_id_of(device_id))

    def _set_aside(self, error: SetAside, raw: bytes) -> None:
        self._offer(letter_of(self._server, "websocket", error, raw))

    def _offer(self, item: Fix | DeadLetter) -> None:
        if not self._writer.offer(item):
            metrics.DEFERRED.inc()
            self._sightings.note_gap()
