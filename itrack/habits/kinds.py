"""The kinds of anomalies that need the history of a person or of a cell."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from itrack.mobility import Severity

__all__ = ["HabitKind", "Odd"]


class HabitKind(StrEnum):
    """What is odd, beside what single fixes show (`itrack.trajectory.anomalies`)."""

    UNUSUAL_SPEED = "unusual_speed"
    UNUSUAL_PLACE = "unusual_place"
    UNUSUAL_HOUR = "unusual_hour"
    OFF_USUAL_WAY = "off_usual_way"
    WANDERING = "wandering"
    STOPPED_LONG = "stopped_long"
    CROWD_SURGE = "crowd_surge"


class Odd(msgspec.Struct, frozen=True, kw_only=True):
    """Something odd in a person's life, before it is decided whether it is told.

    Attributes:
        kind: what.
        happened_at: when it began.
        severity: how much it should disturb somebody.
        sentence: why, without coordinates.
        judged_at: event time of the fix that made its subject what it is.
    """

    kind: HabitKind
    happened_at: datetime
    severity: Severity
    sentence: str
    judged_at: datetime
