"""Reading the past of devices that are new to the bridge, a little in each round."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import structlog

from traccar_bridge import metrics
from traccar_bridge.bookmarks import BridgeBookmarks
from traccar_bridge.decode import KnownDevice
from traccar_bridge.history import BEGINNING, read_between, windows_back
from traccar_bridge.intake import Intake, last_fix_time
from traccar_bridge.rest import Traccar
from traccar_bridge.roster import Roster

__all__ = ["Past"]

_BUDGET_S = 5.0
_READ_AGAIN_AFTER = timedelta(days=1)


class Past:
    """Knows whose past is in MongoDB, and reads the rest.

    Args:
        bookmarks: where that is kept.
        intake: where the positions go.
        roster: the devices.
        stopping: ends reading between two requests.
    """

    def __init__(self, bookmarks: BridgeBookmarks, intake: Intake, roster: Roster, stopping: threading.Event) -> None:
        self._bookmarks = bookmarks
        self._intake = intake
        self._roster = roster
        self._stopping = stopping
        self._read_at = bookmarks.histories()

    def follow_roster(self) -> None:
        """Forget devices that are gone, and take those that never had a position as read.

        Raises:
            TryAgain: MongoDB is away.
        """
        devices = self._roster.devices
        gone = self._read_at.keys() - devices.keys()
        self._bookmarks.forget_histories(gone)
        for device_id in gone:
            del self._read_at[device_id]
        self._note_read(
            device_id
            for device_id, known in devices.items()
            if known.latest_position_id == 0 and device_id not in self._read_at
        )

    def read_some(self, traccar: Traccar) -> bool:
        """Read the past of devices for a few seconds.

        Returns:
            True when nothing is left to read.

        Raises:
            TryAgain: Traccar or MongoDB is away.
        """
        waiting = [known for device_id, known in self._roster.devices.items() if device_id not in self._read_at]
        give_up_s = time.monotonic() + _BUDGET_S
        while waiting and time.monotonic() < give_up_s and not self._stopping.is_set():
            metrics.HISTORIES_WAITING.set(len(waiting))
            known = waiting.pop()
            if self.read(traccar, known):
                self._note_read([known.device.device_id])
        metrics.HISTORIES_WAITING.set(len(waiting))
        return not waiting

    def read(self, traccar: Traccar, known: KnownDevice, since_at: datetime = BEGINNING) -> bool:
        """Read one device's positions with fix times from `since_at` on.

        Returns:
            False when it was not read to the end: Traccar refuses it, or the part is to stop.

        Raises:
            TryAgain: Traccar or MongoDB is away.
        """

        def leave_out(from_at: datetime, to_at: datetime) -> None:
            self._intake.leave_out(f"positions of device {known.traccar_id} from {from_at} to {to_at}")

        try:
            for from_at, to_at in windows_back(datetime.now(UTC), since_at):
                for rows in read_between(
                    traccar, known.traccar_id, from_at, to_at, last_fix_time=last_fix_time, on_left_out=leave_out
                ):
                    self._intake.keep(rows)
                    if self._stopping.is_set():
                        return False
        except LookupError:
            structlog.get_logger().warning("past_refused", device=known.device.device_id)
            return False
        return True

    def expire(self, device_ids: Iterable[str]) -> None:
        """Have the past of these devices read anew, each at most once a day.

        Raises:
            TryAgain: MongoDB is away.
        """
        old = datetime.now(UTC) - _READ_AGAIN_AFTER
        expired = [each for each in device_ids if self._read_at.get(each, datetime.now(UTC)) < old]
        self._bookmarks.forget_histories(expired)
        for device_id in expired:
            del self._read_at[device_id]

    def _note_read(self, device_ids: Iterable[str]) -> None:
        read = list(device_ids)
        self._bookmarks.save_histories(read)
        now = datetime.now(UTC)
        self._read_at.update(dict.fromkeys(read, now))
