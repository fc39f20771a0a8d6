"""The numbers that habits are judged by."""

from __future__ import annotations

import math

import msgspec

__all__ = ["HABITS_VERSION", "HabitRules"]

HABITS_VERSION = "habits-1"
"""Version of the rules; it changes when the same rows would give something else."""


class HabitRules(msgspec.Struct, frozen=True, kw_only=True):
    """What is usual, and from when on something is not.

    Attributes:
        window: robust statistics look at so many of the newest values at most.
        refresh_fixes: what is known of a person is learnt anew when a day begins, and within it after so many fixes.
        sensitivity: 0 to 0.5, the share of trips that the isolation forest takes for rare; the limits of the robust
            statistics follow it. The larger, the more is told.
        learning_days: of a person who was followed on fewer days nothing is unusual.
        history_days: what is older is forgotten.
        place_radius_m: stays so close to each other are at one place.
        place_min_stays: fewer stays make no place of which hours and ways are learnt.
        place_min_s: a stay must last so long before its place can be unusual.
        hour_distance_s: an hour is unusual when it is so far from every usual one.
        stop_least_s: a stop somewhere on the way is not long before that.
        quiet_s: the same kind of anomaly of the same person is told again only after so long without it.
        silence_s: a stay that goes on is believed in for so long after its last fix.
    """

    window: int = 100
    refresh_fixes: int = 1000
    sensitivity: float = 0.1
    learning_days: int = 28
    history_days: int = 56
    place_radius_m: float = 100.0
    place_min_stays: int = 3
    place_min_s: float = 900.0
    hour_distance_s: float = 5400.0
    stop_least_s: float = 2700.0
    quiet_s: float = 7200.0
    silence_s: float = 43_200.0

    @property
    def name(self) -> str:
        """What results carry: the version and the number that most depends on."""
        return f"{HABITS_VERSION}:{self.sensitivity:g}"

    @property
    def scale(self) -> float:
        """By how much limits are wider than at a sensitivity of 0.1."""
        return math.sqrt(0.1 / self.sensitivity)

    @property
    def hour_limit_s(self) -> float:
        """From this distance on an hour is unusual."""
        return self.hour_distance_s * self.scale

    @property
    def z_limit(self) -> float:
        """From this robust z on a value is unusual: 3.5 at a sensitivity of 0.1.

        Source of the 3.5: Iglewicz & Hoaglin, "How to detect and handle outliers", 1993.
        """
        return 3.5 * self.scale
