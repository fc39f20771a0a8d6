"""Quarters of an hour of a person's own days: when they were somewhere, or under way, and when that is usual."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

__all__ = ["SLOTS", "SLOT_S", "UsualTimes", "slots_of"]

SLOT_S = 900
SLOTS = 96
"""Slots of a day."""

Slots = npt.NDArray[np.int64]


def slots_of(started_at: datetime, ended_at: datetime, zone: ZoneInfo) -> Slots:
    """The slots that a span touches, numbered through all days by the clock on the wall; `% SLOTS` is time of day.

    When clocks change within the span, it is numbered as if they had not.
    """
    local = started_at.astimezone(zone)
    within_s = local.hour * 3600 + local.minute * 60 + local.second
    first = local.toordinal() * SLOTS + within_s // SLOT_S
    lasts_s = max(0.0, (ended_at - started_at).total_seconds())
    count = math.ceil((within_s % SLOT_S + lasts_s) / SLOT_S)
    return first + np.arange(max(1, count))


class UsualTimes:
    """The times of day at which something has happened.

    Args:
        spans: slots of each time that it happened.
        near: so many slots earlier and later count as the same time.
        days: on so many days it must have happened.
    """

    def __init__(self, spans: Iterable[Slots], *, near: int = 2, days: int = 2) -> None:
        spans = list(spans)
        seen = np.unique(np.concatenate(spans)) if spans else np.zeros(0, np.int64)
        by_time = np.zeros((SLOTS, 0), bool)
        self.days = 0
        if len(seen):
            dates, date_numbers = np.unique(seen // SLOTS, return_inverse=True)
            self.days = len(dates)
            by_time = np.zeros((SLOTS, len(dates)), bool)
            by_time[seen % SLOTS, date_numbers] = True
        near_by = by_time.copy()
        for shift in range(1, near + 1):
            near_by |= np.roll(by_time, shift, axis=0) | np.roll(by_time, -shift, axis=0)
        self._far = _distances(np.flatnonzero(near_by.sum(axis=1) >= days), near)

    def distances_s(self, slots: Slots) -> npt.NDArray[np.float64]:
        """How far the time of day of each slot is from a usual one, in seconds; infinite when none is."""
        return self._far[slots % SLOTS]


def _distances(usual: npt.NDArray[np.int64], near: int) -> npt.NDArray[np.float64]:
    """Of every slot of a day to the nearest usual one, around the clock. What was counted as near is no distance."""
    if not len(usual):
        return np.full(SLOTS, np.inf)
    apart = np.abs(np.arange(SLOTS)[:, None] - usual[None, :])
    least = np.minimum(apart, SLOTS - apart).min(axis=1)
    return np.where(least > 0, least + near, 0) * float(SLOT_S)
