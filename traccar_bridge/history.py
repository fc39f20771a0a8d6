"""A device's past, read by time: when a device is new to the bridge, and where ids cannot be walked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

from traccar_bridge.errors import TooMuch

__all__ = ["BEGINNING", "END", "AsksByTime", "read_between", "windows_back"]

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
END = datetime(2100, 1, 1, tzinfo=UTC)
"""Phones' clocks lie in both directions; fixes may be dated anywhere."""

_FIRST_WINDOW = timedelta(days=1)
_GROWTH = 4
_STEP = timedelta(milliseconds=1)
_MAY_BE_CUT = 1_000


class AsksByTime(Protocol):
    """What `read_between` needs of `Traccar`."""

    def positions_between(self, traccar_id: int, from_at: datetime, to_at: datetime) -> list[bytes] | None:
        """See `Traccar.positions_between`."""


def windows_back(now: datetime, since_at: datetime = BEGINNING) -> Iterator[tuple[datetime, datetime]]:
    """Intervals that cover everything from `since_at` to the far future, the newest first.

    Each is four times as long as the one before, so that an empty past costs few requests and no answer is much
    larger than the last.
    """
    start, end, length = now - _FIRST_WINDOW, END, _FIRST_WINDOW
    while True:
        yield max(start, since_at), end
        if start <= since_at:
            return
        length *= _GROWTH
        start, end = start - length if start - BEGINNING > length else BEGINNING, start


def read_between(
    traccar: AsksByTime,
    traccar_id: int,
    from_at: datetime,
    to_at: datetime,
    *,
    last_fix_time: Callable[[list[bytes]], datetime | None],
    on_left_out: Callable[[datetime, datetime], None],
) -> Iterator[list[bytes]]:
    """The texts of a device's positions in an interval, in parts. Some may come twice.

    An answer that is too large is asked for in halves, down to a millisecond; what is too large even then is left out
    and told. A long answer may have been cut by the server, so the rest is
    asked for from its last fix time on until little comes: no server's limit has to be known.

    Args:
        traccar: who to ask.
        traccar_id: of the device.
        from_at: beginning, included.
        to_at: end, included.
        last_fix_time: the latest fix time in a list of positions; None when none can be read.
        on_left_out: told of an interval whose positions were left out.

    Raises:
        LookupError: the device is gone, or the user may not ask for its past.
        Down: Traccar does not answer.
    """
    while True:
        try:
            rows = traccar.positions_between(traccar_id, from_at, to_at)
        except TooMuch:
            if to_at - from_at <= _STEP:
                on_left_out(from_at, to_at)
                return
            middle = from_at + (to_at - from_at) / 2
            yield from read_between(
                traccar, traccar_id, from_at, middle, last_fix_time=last_fix_time, on_left_out=on_left_out
            )
            from_at = middle
            continue
        if rows is None:
            raise LookupError(traccar_id)
        yield rows
        last_at = last_fix_time(rows) if len(rows) >= _MAY_BE_CUT else None
        if last_at is None or last_at >= to_at:
            return
        from_at = max(last_at, from_at + _STEP)
