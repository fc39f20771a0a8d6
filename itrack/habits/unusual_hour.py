"""Unusual hour: at a known place, or under way, at a time of day that is far from every usual one."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.past import Past
from itrack.habits.places import NOWHERE
from itrack.habits.slots import SLOT_S, slots_of
from itrack.mobility import Severity, Staypoint, Trip

__all__ = ["hour_at_place", "unusual_hour_under_way"]

_LEAST_DAYS = 20
_LEAST_TRIPS = 30
_LASTS_S = 1800.0
_DEEP = 0.6
"""So deep in the hours between usual ones an hour must be. Somebody is late more often than up in the middle of the
night."""
_DEEP_AT_PLACE = 0.8
"""The same for a place: who goes there in the evening may well go there on a morning, once."""
_VERY_FAR_S = 4 * 3600.0


def unusual_hour_under_way(trip: Trip, past: Past) -> Odd | None:
    """What is odd about when a trip was: all of it far from the times of day at which the person is under way."""
    if len(past.trips) < _LEAST_TRIPS:
        return None
    slots = slots_of(trip.started_at, trip.ended_at, past.zone)
    far_s = float(past.under_way.far_s(slots).min())
    if far_s < past.rules.hour_limit_s or float(past.under_way.depths(slots).min()) < _DEEP:
        return None
    return Odd(
        kind=HabitKind.UNUSUAL_HOUR,
        happened_at=trip.started_at,
        severity=_severity(far_s),
        sentence=f"Was under way at {_clock(trip.started_at, past)}, {_far(far_s)} at which that is usual.",
        judged_at=trip.judged_at,
    )


def hour_at_place(stay: Staypoint, past: Past, until_at: datetime) -> tuple[datetime, Odd] | None:
    """When a stay at a known place becomes odd by its hour, and how; None when it does not before `until_at`.

    It does after half an hour twice as far from all times of day at which the person has been there.
    """
    place = past.places.of(stay.latitude_deg, stay.longitude_deg)
    if place == NOWHERE or past.hours[place].days < _LEAST_DAYS:
        return None
    slots = slots_of(stay.started_at, until_at, past.zone)
    far_s = past.hours[place].far_s(slots)
    odd = np.flatnonzero((far_s >= 2 * past.rules.hour_limit_s) & (past.hours[place].depths(slots) >= _DEEP_AT_PLACE))
    if not len(odd):
        return None
    began_at = stay.started_at if odd[0] == 0 else _slot_start(stay.started_at, int(odd[0]))
    lasted_at = began_at + timedelta(seconds=_LASTS_S)
    if lasted_at > until_at:
        return None
    return lasted_at, Odd(
        kind=HabitKind.UNUSUAL_HOUR,
        happened_at=began_at,
        severity=_severity(float(far_s[odd[0]])),
        sentence=(
            f"Was at a known place at {_clock(began_at, past)}, "
            f"{_far(float(far_s[odd[0]]))} at which they usually are there."
        ),
        judged_at=stay.judged_at,
    )


def _slot_start(started_at: datetime, number: int) -> datetime:
    """When the slot begins that is so many after the one of a moment. Zones are whole quarters away from UTC."""
    seconds = int(started_at.timestamp())
    return started_at + timedelta(seconds=number * SLOT_S - seconds % SLOT_S)


def _severity(far_s: float) -> Severity:
    return Severity.MEDIUM if far_s >= _VERY_FAR_S else Severity.LOW


def _clock(at: datetime, past: Past) -> str:
    return f"{at.astimezone(past.zone):%H:%M}"


def _far(far_s: float) -> str:
    return "far from any hour" if far_s == float("inf") else f"{far_s / 3600:.1f} h from any hour"
