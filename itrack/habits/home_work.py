"""Home and work, by when a person is where. Nothing here is ever shared: it is what a person least wants told."""

from __future__ import annotations

from datetime import datetime

import msgspec
import numpy as np

from itrack.habits.past import Past
from itrack.habits.places import NOWHERE
from itrack.habits.slots import SLOTS
from itrack.instant import Instant

__all__ = ["AnchorPlace", "HomeWork", "find_home_and_work"]

_NIGHT = (22 * 4, 7 * 4)
_OFFICE = (9 * 4, 17 * 4)
_LEAST_DAYS = 4
_LEAST_WORK_SLOTS = 8
"""Of a working day: two hours."""


class AnchorPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place that a life turns about.

    Attributes:
        latitude_deg, longitude_deg: mean of the stays there.
        days: on how many days the person was there in the hours that make it what it is.
        share: of the time that is known in these hours, what was spent there.
    """

    latitude_deg: float
    longitude_deg: float
    days: int
    share: float


class HomeWork(msgspec.Struct, frozen=True, kw_only=True):
    """Home and work of a person as far as they are known, and when that was learnt."""

    device_id: str
    zone: str
    home: AnchorPlace | None
    work: AnchorPlace | None
    learnt_at: Instant


def find_home_and_work(past: Past, learnt_at: datetime) -> tuple[HomeWork, int, int]:
    """Home is where most of the time between 22 and 7 h is spent; work, where most of the rest of 9 to 17 h is.

    The hours are of the person's own zone; work needs Mondays to Fridays with two hours each. Sources: home as in
    scikit-mobility's `home_location` (most visited between 22 and 7 h), work by time at work hours as in Efstathiades
    et al., "Identification of home and work locations from mobile phone data", 2015.

    Returns:
        What is known, and the numbers of the two places (`NOWHERE` for none).
    """
    home = _most(past, _NIGHT, without=NOWHERE, at_work=False)
    work = _most(past, _OFFICE, without=home[0], at_work=True)
    found = HomeWork(
        device_id=past.life.device_id, zone=str(past.zone), home=home[1], work=work[1], learnt_at=learnt_at
    )
    return found, home[0], work[0]


def _most(past: Past, hours: tuple[int, int], *, without: int, at_work: bool) -> tuple[int, AnchorPlace | None]:
    labels = past.places.labels
    slots_by_place: dict[int, list[np.ndarray]] = {}
    for label, slots in zip(labels.tolist(), past.stay_slots, strict=True):
        of_day = slots % SLOTS
        first, last = hours
        within = (of_day >= first) & (of_day < last) if first < last else (of_day >= first) | (of_day < last)
        if at_work:
            within &= (slots // SLOTS - 1) % 7 < 5  # day 1 of the calendar was a Monday
        if label != without or label == NOWHERE:
            slots_by_place.setdefault(label, []).append(slots[within])
    times = {label: np.unique(np.concatenate(slots)) for label, slots in slots_by_place.items()}
    known = sum(len(slots) for slots in times.values())
    times.pop(NOWHERE, None)
    place = max(times, key=lambda label: len(times[label]), default=NOWHERE)
    if place == NOWHERE:
        return NOWHERE, None
    by_day = np.bincount(times[place] // SLOTS - times[place].min(initial=0) // SLOTS)
    days = int((by_day >= (_LEAST_WORK_SLOTS if at_work else 1)).sum())
    if days < _LEAST_DAYS:
        return NOWHERE, None
    latitude_deg, longitude_deg = past.centre_of(place)
    share = len(times[place]) / known
    return place, AnchorPlace(latitude_deg=latitude_deg, longitude_deg=longitude_deg, days=days, share=round(share, 3))
