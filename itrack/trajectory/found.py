"""What the compiled logic finds, one record of plain numbers each; `news` puts it into words.

A finding is known by its device, its kind and a moment (`subject_of`). A later record of the same finding replaces an
earlier one, and one that `is_gone` takes it back.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from itrack.trajectory.compiled import Record, compiled

__all__ = ["FOUND", "NO_MS", "Found", "Out", "more_room", "room_for", "take_back", "tell"]

NO_MS = -(2**62)
"""No moment."""


class Found(IntEnum):
    """Kinds of findings."""

    STAY = 1
    TRIP = 2
    TRIPLEG = 3
    GAP = 4
    FENCE = 5
    ANOMALY = 6
    PASSAGE = 7
    VERDICT = 8


FOUND = np.dtype(
    [
        ("kind", "i1"),
        ("is_gone", "?"),
        ("side", "i1"),
        ("what", "i2"),
        ("fixes", "i4"),
        ("phone", "i4"),
        ("at_ms", "i8"),
        ("end_ms", "i8"),
        ("from_ms", "i8"),
        ("to_ms", "i8"),
        ("judged_ms", "i8"),
        ("server_ms", "i8"),
        ("fix_no", "i8"),
        ("latitude_deg", "f8"),
        ("longitude_deg", "f8"),
        ("metres", "f8"),
        ("number", "f8"),
    ],
    align=True,
)
"""One finding.

| field | meaning |
| --- | --- |
| `kind` | a `Found` |
| `is_gone` | it was told before and is no longer so |
| `phone`, `side` | whose it is, and what it is compared with: set and read by `fleet` |
| `what` | the flag of a verdict, kind of an anomaly, mode of a tripleg, number of a fence |
| `at_ms`, `end_ms` | when it began, which identifies it, and ended; `NO_MS` while it lasts |
| `from_ms`, `to_ms` | for a trip the starts of the stays at its ends (`NO_MS`: none) |
| `judged_ms` | event time of the fix that made it known |
| `server_ms` | server time from which it could be known: of that fix, or of the silence |
| `fix_no` | number of the fix it is about |
| `fixes` | how many are in it |
| `latitude_deg`, `longitude_deg`, `metres`, `number` | as the kind needs them |
"""


class Out(NamedTuple):
    """Where findings are written.

    Attributes:
        rows: `FOUND` records.
        told: how many of them are in use, and 1 when there were too few.
    """

    rows: npt.NDArray[Any]
    told: npt.NDArray[Any]

    @property
    def found(self) -> npt.NDArray[Any]:
        """The findings so far."""
        return self.rows[: self.told[0]]


def room_for(count: int) -> Out:
    """Room for so many findings."""
    return Out(np.zeros(max(1, count), FOUND), np.zeros(2, np.int64))


def more_room(out: Out) -> Out:
    """Twice the room, with what was found so far."""
    return Out(np.concatenate([out.rows, np.zeros(len(out.rows), FOUND)]), out.told)


@compiled
def tell(out: Out, kind: int, at_ms: int, judged_ms: int, server_ms: int) -> Record:
    """The next free record, cleared, for a finding of this kind.

    When none is free the last one is written over and `out.told[1]` set: whoever made the room takes it back with
    `take_back` and begins again with more.
    """
    if out.told[0] < len(out.rows):
        row = out.rows[out.told[0]]
        out.told[0] += 1
    else:
        row = out.rows[len(out.rows) - 1]
        out.told[1] = 1
    row.kind = kind
    row.is_gone = False
    row.side = 0
    row.phone = 0
    row.what = 0
    row.fixes = 0
    row.at_ms = at_ms
    row.end_ms = NO_MS
    row.from_ms = NO_MS
    row.to_ms = NO_MS
    row.judged_ms = judged_ms
    row.server_ms = server_ms
    row.fix_no = -1
    row.latitude_deg = 0.0
    row.longitude_deg = 0.0
    row.metres = 0.0
    row.number = 0.0
    return row


@compiled
def take_back(out: Out, count: int) -> bool:
    """When there was too little room, forget all findings but the first `count` and say so."""
    if out.told[1] == 0:
        return False
    out.told[0] = count
    out.told[1] = 0
    return True
