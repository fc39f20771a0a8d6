"""Who stays where from when to when, as far as counting people goes."""

from __future__ import annotations

from datetime import datetime, timedelta

import h3
import msgspec

from itrack.instant import Instant
from itrack.mobility import Staypoint

__all__ = ["Presence", "presence_of", "present_until"]


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """A person is in an H3 cell from `started_at` until `until_at`, because of the stay with this identifier."""

    staypoint_id: str
    device_id: str
    cell: str
    started_at: Instant
    until_at: Instant


def presence_of(stay: Staypoint, resolution: int, silence_s: float) -> Presence:
    """Where a stay puts a person, and for how long (see `present_until`)."""
    return Presence(
        staypoint_id=stay.staypoint_id,
        device_id=stay.device_id,
        cell=h3.latlng_to_cell(stay.latitude_deg, stay.longitude_deg, resolution),
        started_at=stay.started_at,
        until_at=present_until(stay, silence_s),
    )


def present_until(stay: Staypoint, silence_s: float) -> datetime:
    """How long somebody is believed to be at a stay: until its end; while it goes on, so long after the last fix.

    A phone is silent while its owner sits still, and also when it was lost. What happens later tells which it was.
    """
    return stay.ended_at or stay.last_fixed_at + timedelta(seconds=silence_s)
