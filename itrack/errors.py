"""Errors, named by what they ask for.

```
ITrackError
├── TryAgain            the other side is away or busy: wait, then repeat the same call
├── SetAside            this one input cannot be used: keep it, count it, go on with the next
├── FillGap             part of a stream was lost: read it again from the store, then go on
└── FixConfiguration    a person has to change something: stop at once and say what
```
"""

from __future__ import annotations

__all__ = ["FillGap", "FixConfiguration", "ITrackError", "SetAside", "TryAgain"]


class ITrackError(Exception):
    """Root of every error that I-Track raises on purpose."""


class TryAgain(ITrackError):
    """The other side is away or busy; the same call may work later."""


class SetAside(ITrackError):
    """One input cannot be used; it is kept with its reason and the line goes on.

    Args:
        reason: a short slug that can be counted, such as `latitude_out_of_range`.
        detail: a sentence for the person who looks at the record later.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class FillGap(ITrackError):
    """A stream cannot be resumed where it was left; what came after that must be read again."""


class FixConfiguration(ITrackError):
    """Nothing will work until a person changes a setting; the message says which and how."""
