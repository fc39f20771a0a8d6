"""What the socket has shown, noted by the thread that reads it for the thread that reconciles."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from itrack.device import Device
from itrack.fix import Fix
from traccar_bridge.decode import traccar_id_of
from traccar_bridge.doubt import Doubts

__all__ = ["Sightings"]


class Sightings:
    """Safe to use from any thread.

    Args:
        doubt_s: how long a position may follow its report.
    """

    def __init__(self, doubt_s: float) -> None:
        self._lock = threading.Lock()
        self._doubts = Doubts(doubt_s)
        self._highest_id = 0
        self._shown_at: datetime | None = None
        self._has_gap = False
        self._has_stranger = False

    @property
    def highest_id(self) -> int:
        """Highest position id that was shown."""
        with self._lock:
            return self._highest_id

    @property
    def shown_at(self) -> datetime | None:
        """When Traccar received the position with that id; what it received clearly earlier has a lower one."""
        with self._lock:
            return self._shown_at

    def reported(self, device: Device) -> None:
        """A device has reported something."""
        with self._lock:
            self._doubts.reported(device.device_id, device.last_report_at, time.monotonic())

    def positioned(self, fix: Fix) -> None:
        """A fix was shown."""
        with self._lock:
            self._doubts.positioned(fix.device_id)
            position_id = traccar_id_of(fix.fix_id)
            if position_id > self._highest_id:
                self._highest_id, self._shown_at = position_id, fix.server_at

    def note_gap(self) -> None:
        """Something may have been missed: the socket was closed, or there was no room for a fix."""
        with self._lock:
            self._has_gap = True

    def note_stranger(self) -> None:
        """A device was shown that is not on the roster."""
        with self._lock:
            self._has_stranger = True

    def is_urgent(self) -> bool:
        """Something should be asked for soon."""
        with self._lock:
            return self._has_gap or self._has_stranger or bool(self._doubts.overdue(time.monotonic()))

    def take(self) -> tuple[dict[str, datetime], bool, bool]:
        """What there is to look into, which is forgotten with this.

        Returns:
            The devices in doubt with the time of their newest report that is; whether there was a gap; whether a
            stranger was seen.
        """
        with self._lock:
            doubted = self._doubts.overdue(time.monotonic())
            self._doubts.clear(doubted)
            gap, self._has_gap = self._has_gap, False
            stranger, self._has_stranger = self._has_stranger, False
            return doubted, gap, stranger
