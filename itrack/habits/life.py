"""One person's life as rows: stays, trips and the cells of their ways, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from itrack.day import Day
from itrack.habits.rarity import TripShape
from itrack.habits.slots import SLOTS, Slots, slots_of
from itrack.instant import Instant
from itrack.mobility import Mode, Staypoint, Trip, Tripleg
from itrack.trajectory.point import milliseconds_of

__all__ = ["NOT_ENDED_MS", "Leg", "Life", "Way"]

NOT_ENDED_MS = 2**62
"""The end of a stay that goes on."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """Where a trip led.

    Attributes:
        from_cell, to_cell: of the stays at its ends; None where it has none.
        cells: the H3 cells that it was seen in, in order, none twice in a row.
        passages: how often it was seen each time: every 40 m or so.
    """

    trip_id: str
    device_id: str
    started_at: Instant
    from_cell: str | None
    to_cell: str | None
    cells: tuple[str, ...]
    passages: tuple[int, ...]


class Leg(NamedTuple):
    """A part of a trip in one mode; the whole trip, in an unknown mode, where its parts are not known."""

    trip: Trip
    started_at: datetime
    mode: Mode
    shape: TripShape


class Life:
    """A person's rows in order of time, and what is computed of them once.

    Args:
        device_id: whose.
        zone: that their days and hours are in.
        stays, trips, legs: in any order.
        ways: of the trips, by `trip_id`.
    """

    def __init__(
        self,
        device_id: str,
        zone: ZoneInfo,
        *,
        stays: Iterable[Staypoint],
        trips: Iterable[Trip],
        legs: Iterable[Tripleg] = (),
        ways: Mapping[str, Way] | None = None,
    ) -> None:
        self.device_id = device_id
        self.zone = zone
        self.stays = sorted(stays, key=lambda stay: stay.started_at)
        self.trips = sorted(trips, key=lambda trip: trip.started_at)
        self.ways = ways or {}
        self._parts: dict[str, list[Tripleg]] = {}
        for leg in sorted(legs, key=lambda leg: leg.started_at):
            self._parts.setdefault(leg.trip_id, []).append(leg)

    @cached_property
    def stay_ended_ms(self) -> npt.NDArray[np.int64]:
        """When each stay ended, `NOT_ENDED_MS` for one that goes on."""
        ends = [NOT_ENDED_MS if stay.ended_at is None else milliseconds_of(stay.ended_at) for stay in self.stays]
        return np.array(ends, np.int64)

    @cached_property
    def stay_began_ms(self) -> npt.NDArray[np.int64]:
        """When each stay began."""
        return np.array([milliseconds_of(stay.started_at) for stay in self.stays], np.int64)

    @cached_property
    def trip_ended_ms(self) -> npt.NDArray[np.int64]:
        """When each trip ended."""
        return np.array([milliseconds_of(trip.ended_at) for trip in self.trips], np.int64)

    @cached_property
    def latitudes_deg(self) -> npt.NDArray[np.float64]:
        """Of the stays."""
        return np.array([stay.latitude_deg for stay in self.stays])

    @cached_property
    def longitudes_deg(self) -> npt.NDArray[np.float64]:
        """Of the stays."""
        return np.array([stay.longitude_deg for stay in self.stays])

    @cached_property
    def stay_slots(self) -> list[Slots]:
        """Of each stay; of one that goes on, until its last fix."""
        return [slots_of(stay.started_at, stay.ended_at or stay.last_fixed_at, self.zone) for stay in self.stays]

    @cached_property
    def trip_slots(self) -> list[Slots]:
        """Of each trip."""
        return [slots_of(trip.started_at, trip.ended_at, self.zone) for trip in self.trips]

    @cached_property
    def legs(self) -> list[list[Leg]]:
        """The parts of each trip."""
        return [self._legs_of(trip) for trip in self.trips]

    @cached_property
    def number_of_stay(self) -> dict[str, int]:
        """Index of each stay by its identifier."""
        return {stay.staypoint_id: number for number, stay in enumerate(self.stays)}

    def shape_of(self, trip: Trip) -> TripShape:
        """Of a whole trip."""
        return self._shape(trip.started_at, trip.ended_at, trip.distance_m)

    def learnt_ms(self, at: datetime, every_fixes: int) -> int:
        """When what is known at that moment was learnt: as the day began, or after so many fixes since.

        Fixes count once the stay or trip that they are in has ended.
        """
        begins_ms = milliseconds_of(Day.of(at, str(self.zone)).starts_at)
        ended_ms, fixes = self._fixes
        first = int(np.searchsorted(ended_ms, begins_ms, "right"))
        last = int(np.searchsorted(ended_ms, milliseconds_of(at), "right"))
        since = np.cumsum(fixes[first:last])
        rounds = int(since[-1]) // every_fixes if len(since) else 0
        if not rounds:
            return begins_ms
        return int(ended_ms[first + int(np.searchsorted(since, rounds * every_fixes))])

    @cached_property
    def _fixes(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """When stays and trips ended, in order, and how many fixes each has."""
        counted: Sequence[Staypoint | Trip] = [*self.stays, *self.trips]
        ended_ms = np.concatenate([self.stay_ended_ms, self.trip_ended_ms])
        fixes = np.array([row.fix_count for row in counted], np.int64)
        order = np.lexsort((fixes, ended_ms))
        return ended_ms[order], fixes[order]

    def _legs_of(self, trip: Trip) -> list[Leg]:
        parts = self._parts.get(trip.trip_id)
        if not parts:
            return [Leg(trip, trip.started_at, Mode.UNKNOWN, self.shape_of(trip))]
        return [
            Leg(trip, part.started_at, part.mode, self._shape(part.started_at, part.ended_at, part.distance_m))
            for part in parts
        ]

    def _shape(self, started_at: datetime, ended_at: datetime, metres: float) -> TripShape:
        local = started_at.astimezone(self.zone)
        return TripShape(
            slot=(local.hour * 60 + local.minute) // 15 % SLOTS,
            is_weekend=local.weekday() >= 5,
            metres=metres,
            seconds=(ended_at - started_at).total_seconds(),
        )
