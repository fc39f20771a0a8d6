"""What the stop finder remembers of one phone: a record of fixed size. Zero bytes: nothing known."""

from __future__ import annotations

import numpy as np

from itrack.trajectory.places import TRAIL

__all__ = ["BEGAN", "ENDED", "FOUND", "GAP", "RESUMED", "STAY", "STOP", "WITHDRAWN"]

WITHDRAWN, RESUMED, FOUND, ENDED, GAP, BEGAN = 1, 2, 4, 8, 16, 32
"""Bits of what a point or silence made known, in the order in which to tell them; each may come again for one stay.

`WITHDRAWN`: the stay told earlier that started at `withdrawn_ms` was none. `RESUMED`: the stay told to be over goes on,
and there was no way since then; it is `STOP.stay`. `FOUND`: the stay that ended was not told while it lasted. `ENDED`:
a stay is over; it is `STOP.left`. `GAP`: the way from `gap_from_ms` to `gap_to_ms`, `gap_m` apart, was not seen.
`BEGAN`: the person is at a stay; it is `STOP.stay`.
"""

STAY = np.dtype(
    [
        ("started_ms", "i8"),
        ("ended_ms", "i8"),
        ("last_ms", "i8"),
        ("told_ms", "i8"),
        ("latitude_deg", "f8"),
        ("longitude_deg", "f8"),
        ("fix_count", "i4"),
    ],
    align=True,
)
"""A stay and its centre.

| field | meaning |
| --- | --- |
| `ended_ms` | `NO_MS` while it lasts |
| `last_ms` | time of its last fix |
| `told_ms` | event time of the fix that made it, or its end, known: set by who tells it |
"""

STOP = np.dtype(
    [
        ("trail", TRAIL),
        ("stay", STAY),
        ("left", STAY),
        ("east_m", "f8"),
        ("north_m", "f8"),
        ("gap_m", "f8"),
        ("gap_from_ms", "i8"),
        ("gap_to_ms", "i8"),
        ("withdrawn_ms", "i8"),
        ("newest_server_ms", "i8"),
        ("core_ms", "i8"),
        ("core_off_m", "f4"),
        ("accuracy_m", "f4"),
        ("weight", "i4"),
        ("away", "i2"),
        ("speeds_told", "i1"),
        ("motions_told", "i1"),
        ("is_staying", "?"),
        ("is_told", "?"),
        ("may_resume", "?"),
    ],
    align=True,
)
"""One phone.

`stay` is where the person seems to be while `is_staying`; it is known to be a stop once `is_told`. `left` is the stop
before; it goes on if they come back soon, as long as it `may_resume`. The newest point reached the server at
`newest_server_ms`, or one before did so later.

`east_m`, `north_m` is the centre of the stay on the plane of `trail`, the mean of `weight` places that claimed an error
of `accuracy_m` on average. The newest place that showed the person there for certain was at `core_ms`, `core_off_m`
from the centre. The newest `away` places lie outside. `speeds_told` and `motions_told`
count, up to a few, how often the phone said that it moves: one that never does tells nothing by being still.
"""
