"""Times as Traccar writes and reads them: milliseconds since 1970, ISO 8601 with a zone and exactly three decimals."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

__all__ = ["iso_of_ms", "ms_of_iso", "now_ms"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO_WITH_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?(Z|[+-]\d{2}:\d{2})")


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000


def iso_of_ms(ms: int) -> str:
    """`2026-11-22T12:32:17.105+00:00`; also for times before 1970.

    Raises:
        OverflowError: before the year 1 or after 9999.
    """
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def ms_of_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 time with `T` and a zone; finer parts are cut off.

    Raises:
        ValueError: another form, no zone, or a day that does not exist.
    """
    if not _ISO_WITH_ZONE.fullmatch(text):
        raise ValueError(f"not an ISO 8601 time with a zone: {text!r}")
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
