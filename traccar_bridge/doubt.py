"""Doubt: a phone has reported, and the socket has not shown where it is. Pure.

Traccar sends a `devices` frame for every report at once and a `positions` frame only when the fix is not older than
the device's latest. A report without a position is therefore the trace of a late fix (or of a report without one).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

__all__ = ["Doubts"]

_MOST_WAITING = 100
"""Per device; one is enough to doubt, and memory stays bounded while Traccar cannot be asked."""


class Doubts:
    """Counts, per device, the reports that no position has followed.

    Args:
        patience_s: how long a position may take; Traccar holds each back for 3 s unless configured otherwise.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._last_report_at: dict[str, datetime] = {}
        self._waiting: dict[str, list[tuple[float, datetime]]] = {}

    def reported(self, device_id: str, last_report_at: datetime | None, now_s: float) -> None:
        """A `devices` frame came. One with the time of an earlier report tells of something else: a changed status."""
        if last_report_at is None or self._last_report_at.get(device_id) == last_report_at:
            return
        self._last_report_at[device_id] = last_report_at
        waiting = self._waiting.setdefault(device_id, [])
        if len(waiting) < _MOST_WAITING:
            waiting.append((now_s, last_report_at))

    def positioned(self, device_id: str) -> None:
        """A position of the device came; it answers its oldest open report."""
        waiting = self._waiting.get(device_id)
        if waiting:
            del waiting[0]
            if not waiting:
                del self._waiting[device_id]

    def overdue(self, now_s: float) -> dict[str, datetime]:
        """Devices with a report that has waited too long, each with the time of the newest such report."""
        newest_s = now_s - self._patience_s
        return {
            device_id: max(at for since_s, at in waiting if since_s <= newest_s)
            for device_id, waiting in self._waiting.items()
            if waiting[0][0] <= newest_s
        }

    def clear(self, device_ids: Iterable[str]) -> None:
        """These were looked into."""
        for device_id in device_ids:
            self._waiting.pop(device_id, None)
