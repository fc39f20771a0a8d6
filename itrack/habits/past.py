"""What is known of a person at a moment, learnt from what had ended by then. Each part is learnt when asked for."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np

from itrack.habits.life import Leg, Life
from itrack.habits.places import NOWHERE, Places, distances_m
from itrack.habits.rarity import Rarity
from itrack.habits.rules import HabitRules
from itrack.habits.slots import SLOTS, Slots, UsualTimes
from itrack.mobility import Staypoint, Trip

__all__ = ["Past"]

_DAY_MS = 86_400_000
_GROUND_DAYS = 2
"""A cell is familiar ground once ways led through it on so many days."""


class Past:
    """The rows that ended within the days of memory before a moment, and what they teach.

    Args:
        life: the person's.
        known_ms: what had ended by then is known.
        rules: how much is remembered.
    """

    def __init__(self, life: Life, known_ms: int, rules: HabitRules) -> None:
        self.life = life
        self.rules = rules
        since_ms = known_ms - rules.history_days * _DAY_MS
        self._stays = _between(life.stay_ended_ms, since_ms, known_ms)
        self._trips = _between(life.trip_ended_ms, since_ms, known_ms)

    @property
    def zone(self) -> ZoneInfo:
        """The person's."""
        return self.life.zone

    @cached_property
    def is_learnt(self) -> bool:
        """Whether the person has been followed on enough days for something to be unusual."""
        slots = [*self.life.stay_slots[self._stays], *self.life.trip_slots[self._trips]]
        days = np.unique(np.concatenate([np.zeros(0, np.int64), *slots]) // SLOTS)
        return len(days) >= self.rules.learning_days

    @cached_property
    def places(self) -> Places:
        """Where the person stays."""
        return Places(
            self.life.latitudes_deg[self._stays],
            self.life.longitudes_deg[self._stays],
            radius_m=self.rules.place_radius_m,
            min_stays=self.rules.place_min_stays,
        )

    def been_m(self, stay: Staypoint) -> float:
        """How far away the nearest place is that the person has been at, and not only for a moment."""
        lasted_ms = self.life.stay_ended_ms[self._stays] - self.life.stay_began_ms[self._stays]
        away_m = distances_m(
            self.life.latitudes_deg[self._stays],
            self.life.longitudes_deg[self._stays],
            stay.latitude_deg,
            stay.longitude_deg,
        )
        return float(away_m[lasted_ms >= 1000 * self.rules.place_min_s].min(initial=np.inf))

    @cached_property
    def rarity(self) -> Rarity:
        """Tells rare trips from others."""
        trips = self.life.trips[self._trips]
        return Rarity([self.life.shape_of(trip) for trip in trips], self.rules.sensitivity)

    @cached_property
    def legs(self) -> list[Leg]:
        """The parts of the trips, in order of time."""
        return list(chain.from_iterable(self.life.legs[self._trips]))

    @cached_property
    def under_way(self) -> UsualTimes:
        """When the person is under way."""
        return UsualTimes(self.life.trip_slots[self._trips])

    @cached_property
    def hours(self) -> dict[int, UsualTimes]:
        """When the person is at each place."""
        slots = self.stay_slots
        labels = self.places.labels
        return {
            place: UsualTimes(slots[number] for number in np.flatnonzero(labels == place))
            for place in range(self.places.count)
        }

    @cached_property
    def ends(self) -> dict[str, tuple[int, int]]:
        """The two places of each trip between known ones, by `trip_id`."""
        return {trip.trip_id: ends for trip in self.trips if (ends := self.ends_of(trip)) is not None}

    @cached_property
    def ways(self) -> dict[tuple[int, int], list[tuple[str, ...]]]:
        """The cells of each trip between two places, by the places' numbers, whichever way it led."""
        ways: dict[tuple[int, int], list[tuple[str, ...]]] = {}
        for trip in self.trips:
            ends = self.ends.get(trip.trip_id)
            way = self.life.ways.get(trip.trip_id)
            if ends is not None and way is not None and way.cells:
                ways.setdefault(ends, []).append(way.cells)
        return ways

    @cached_property
    def ground(self) -> frozenset[str]:
        """The cells that the person passes through."""
        days: Counter[str] = Counter()
        seen = set()
        for trip, slots in zip(self.trips, self.life.trip_slots[self._trips], strict=True):
            way = self.life.ways.get(trip.trip_id)
            for cell in set(way.cells) if way else ():
                key = cell, int(slots[0]) // SLOTS
                if key not in seen:
                    seen.add(key)
                    days[cell] += 1
        return frozenset(cell for cell, count in days.items() if count >= _GROUND_DAYS)

    @property
    def trips(self) -> list[Trip]:
        """That are remembered."""
        return self.life.trips[self._trips]

    @property
    def pauses(self) -> list[Staypoint]:
        """The stays that are at no place."""
        stays = self.life.stays[self._stays]
        return [stays[number] for number in np.flatnonzero(self.places.labels == NOWHERE)]

    def ends_of(self, trip: Trip) -> tuple[int, int] | None:
        """The places that a trip led between, the smaller number first; None unless both are known, and two."""
        places = sorted(self._place_of(each) for each in (trip.from_staypoint_id, trip.to_staypoint_id))
        if places[0] == NOWHERE or places[0] == places[1]:
            return None
        return places[0], places[1]

    @property
    def stay_slots(self) -> list[Slots]:
        """Of each remembered stay."""
        return self.life.stay_slots[self._stays]

    def centre_of(self, place: int) -> tuple[float, float]:
        """Mean latitude and longitude of the stays at a place."""
        there = self.places.labels == place
        latitudes_deg, longitudes_deg = self.life.latitudes_deg[self._stays], self.life.longitudes_deg[self._stays]
        return float(latitudes_deg[there].mean()), float(longitudes_deg[there].mean())

    def _place_of(self, staypoint_id: str | None) -> int:
        number = self.life.number_of_stay.get(staypoint_id or "")
        return NOWHERE if number is None else self.place_of_stay(number)

    def place_of_stay(self, number: int) -> int:
        """The place of the stay with that number in the life, whether it is remembered or not."""
        if self._stays.start <= number < self._stays.stop:
            return int(self.places.labels[number - self._stays.start])
        stay = self.life.stays[number]
        return self.places.of(stay.latitude_deg, stay.longitude_deg)


def _between(ended_ms: np.ndarray, since_ms: int, until_ms: int) -> slice:
    """The rows that ended after one moment and until another. Rows of one person end in the order they begin in."""
    first, last = np.searchsorted(ended_ms, [since_ms, until_ms], "right")
    return slice(int(first), int(last))
