"""Unusual place: a stay where the person has not been, away from the ways they know."""

from __future__ import annotations

from datetime import datetime, timedelta

import h3

from itrack.habits.kinds import HabitKind, Odd
from itrack.habits.past import Past
from itrack.mobility import Severity, Staypoint

__all__ = ["is_on_known_ground", "place_due_at", "unusual_place"]

_FAR_M = 20_000.0


def place_due_at(stay: Staypoint, past: Past) -> datetime:
    """When the stay will have lasted long enough for its place to be unusual."""
    return stay.started_at + timedelta(seconds=past.rules.place_min_s)


def unusual_place(stay: Staypoint, past: Past) -> Odd | None:
    """What is odd about where a stay is, once it has lasted: no stay that is remembered is near, nor any usual way."""
    away_m = past.been_m(stay)
    if away_m <= past.rules.place_radius_m or is_on_known_ground(stay, past):
        return None
    return Odd(
        kind=HabitKind.UNUSUAL_PLACE,
        happened_at=stay.started_at,
        severity=Severity.MEDIUM if away_m >= _FAR_M else Severity.LOW,
        sentence=f"Stays where they have not been for weeks, {_distance(away_m)} from the nearest place they know.",
        judged_at=stay.judged_at,
    )


def is_on_known_ground(stay: Staypoint, past: Past) -> bool:
    """Whether the person's ways lead through the cell that the stay is in."""
    if not past.ground:
        return False
    resolution = h3.get_resolution(next(iter(past.ground)))
    return h3.latlng_to_cell(stay.latitude_deg, stay.longitude_deg, resolution) in past.ground


def _distance(metres: float) -> str:
    return f"{metres / 1000:.1f} km" if metres >= 1000 else f"{metres:.0f} m"
