"""Errors of talking with Traccar: three kinds of `TryAgain`, and one answer that is too much.

```
TryAgain
├── Down            Traccar does not answer, or not well
├── Refused         Traccar answers and does not know or want this user
└── SocketLost      the socket ended; `reason` says how
TooMuch             the answer is larger than asked for: ask for less
```
"""

from __future__ import annotations

from itrack.errors import ITrackError, TryAgain

__all__ = ["Down", "Refused", "SocketLost", "TooMuch"]


class Down(TryAgain):
    """Traccar does not answer, or not well."""

    reason = "down"


class Refused(TryAgain):
    """Traccar does not accept the sign-in; a new one, or a person, may help."""

    reason = "refused"


class SocketLost(TryAgain):
    """The socket ended.

    Args:
        reason: `closed`, or `silent` when nothing was heard for too long.
        message: a sentence.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class TooMuch(ITrackError):
    """An answer is larger than the bridge takes at once."""
