"""Windows that people are counted in: they follow each other without overlap, the same for everybody and for ever.

Overlapping windows, or windows that a reader may choose, could be subtracted from each other until one person is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from itrack.trajectory.point import instant_of, milliseconds_of

__all__ = ["window_of", "windows_between"]


def window_of(at: datetime, window_s: int) -> datetime:
    """When the window begins that a moment is in; windows are counted from 1970 on (UTC)."""
    at_ms = milliseconds_of(at)
    return instant_of(at_ms - at_ms % (window_s * 1000))


def windows_between(since_at: datetime, until_at: datetime, window_s: int) -> Iterator[datetime]:
    """The windows that a span touches, by their beginnings; its end does not belong to it."""
    at = window_of(since_at, window_s)
    while at < until_at:
        yield at
        at += timedelta(seconds=window_s)
