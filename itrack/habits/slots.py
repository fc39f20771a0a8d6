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

    Attributes:
        days: on how many it has.
    """

    def __init__(self, spans: Iterable[Slots], *, near: int = 2, days: int = 2) -> None:
        seen = np.unique(np.concatenate([np.zeros(0, np.int64), *spans]))
        dates, date_numbers = np.unique(seen // SLOTS, return_inverse=True)
        self.days = len(dates)
        by_time = np.zeros((SLOTS, len(dates)), bool)
        by_time[seen % SLOTS, date_numbers] = True
        near_by = np.logical_or.reduce([np.roll(by_time, shift, axis=0) for shift in range(-near, near + 1)])
        self._far_slots, self._depths = _far(np.flatnonzero(near_by.sum(axis=1) >= days))

    def far_s(self, slots: Slots) -> npt.NDArray[np.float64]:
        """How far the time of day of each slot is from the nearest usual one, in seconds; infinite when none is."""
        return self._far_slots[slots % SLOTS] * SLOT_S

    def depths(self, slots: Slots) -> npt.NDArray[np.float64]:
        """How deep each slot is in its part of the day without usual ones: 0 at its ends, 1 in the middle."""
        return self._depths[slots % SLOTS]


def _far(usual: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of every slot of a day, around the clock: slots to the nearest usual one, and its depth."""
    if not len(usual):
        return np.full(SLOTS, np.inf), np.ones(SLOTS)
    after = ((usual[None, :] - np.arange(SLOTS)[:, None]) % SLOTS).min(axis=1)
    before = ((np.arange(SLOTS)[:, None] - usual[None, :]) % SLOTS).min(axis=1)
    least = np.minimum(after, before).astype(float)
    return least, 2 * least / np.maximum(1, after + before)
