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
        self._heard_s = time.monotonic()
        self._blind_since_s: float | None = None
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

    @property
    def sound_until_s(self) -> float:
        """The socket has shown, or made doubtful, all that happened until then (monotonic clock)."""
        with self._lock:
            return self._heard_s if self._blind_since_s is None else self._blind_since_s

    def heard(self) -> None:
        """A message of the socket was understood."""
        with self._lock:
            self._heard_s = time.monotonic()

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
        """Something may have been missed since the socket last said anything, or is missed now."""
        with self._lock:
            if self._blind_since_s is None:
                self._blind_since_s = self._heard_s

    def note_stranger(self) -> None:
        """A device was shown that is not on the roster."""
        with self._lock:
            self._has_stranger = True

    def is_urgent(self) -> bool:
        """Something should be asked for soon."""
        with self._lock:
            return self._blind_since_s is not None or self._has_stranger or bool(self._doubts.overdue(time.monotonic()))

    def take(self) -> tuple[dict[str, datetime], float | None, bool]:
        """What there is to look into, which is forgotten with this.

        Returns:
            The devices in doubt with the time of their newest report that is; since when something may have been missed
            (monotonic clock), None when nothing can have been; whether a stranger was seen.
        """
        with self._lock:
            doubted = self._doubts.overdue(time.monotonic())
            self._doubts.clear(doubted)
            blind_since_s, self._blind_since_s = self._blind_since_s, None
            stranger, self._has_stranger = self._has_stranger, False
            return doubted, blind_since_s, stranger
