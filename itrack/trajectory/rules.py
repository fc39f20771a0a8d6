"""The numbers that the mobility logic goes by."""

from __future__ import annotations

import math
from zlib import crc32

import msgspec
import numpy as np

from itrack.trajectory.compiled import Record

__all__ = ["RULES", "RULES_VERSION", "Rules"]

RULES_VERSION = 3
"""Raised whenever the same fixes may lead to other results. Every result carries it in `rules`."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as still, as silent, as impossible.

    Attributes:
        stop_radius_m, stop_dwell_s: who stays within this radius for at least so long has stopped.
        accuracy_sigmas: a place is as wide as its fixes are vague: a fix belongs to it that is not farther off than
            so many times the error it claims.
        drift_mps: a place that moves faster than this is a slow walk and no place.
        walking_mps: how fast, as the crow flies, a person is taken to have come or left, where that was not seen.
        quiet_s: silence shorter than this tells nothing.
        silence_s: a silence this long is no ordinary pause between two fixes.
        wake_distance_m: a sleeping phone notices only after such a distance that its owner has left.
        return_s: who is back within this time, and has not been far off or stopped elsewhere, was there all the time.
        stop_gap_s: a longer silence throws a stop away; only in `plain`.
        is_plain: 1 for the literature's rule; see `plain`.
        trip_min_distance_m: less than this is a step aside, not a trip.
        accuracy_max_m: a fix that claims a larger error is set aside.
        ahead_max_s: a fix this far after the server's own clock has a wrong clock; less is clamped to the server's.
        speed_max_mps: faster than the fastest train (360 km/h) is a jump.
        anomaly_quiet_s: the same kind of anomaly is told again only after so long without it.
        window_s: length of the windows in which people are counted by cells.
    """

    stop_radius_m: float = 60.0
    stop_dwell_s: float = 120.0
    accuracy_sigmas: float = 1.3
    drift_mps: float = 0.35
    walking_mps: float = 1.0
    quiet_s: float = 60.0
    silence_s: float = 300.0
    wake_distance_m: float = 300.0
    return_s: float = 300.0
    stop_gap_s: float = math.inf
    is_plain: float = 0.0
    trip_min_distance_m: float = 100.0
    accuracy_max_m: float = 100.0
    ahead_max_s: float = 300.0
    speed_max_mps: float = 100.0
    anomaly_quiet_s: float = 600.0
    window_s: float = 300.0

    @property
    def name(self) -> str:
        """What results carry: the version, the two numbers that people set most, and a digest when others are set."""
        usual = msgspec.structs.replace(Rules(), stop_radius_m=self.stop_radius_m, stop_dwell_s=self.stop_dwell_s)
        name = f"{RULES_VERSION}:{self.stop_radius_m:g}m:{self.stop_dwell_s:g}s"
        return name if self == usual else f"{name}:{crc32(repr(msgspec.structs.astuple(self)).encode()):08x}"

    def record(self) -> Record:
        """The numbers as compiled functions take them: a record with the same names."""
        return np.array(msgspec.structs.astuple(self), RULES)[()]

    @classmethod
    def plain(cls, *, stop_radius_m: float, stop_dwell_s: float, stop_gap_s: float = math.inf) -> Rules:
        """The sliding rule of the literature and nothing else, to compare with other implementations of it.

        No silence rule, no dating, and a stop ends with the first fix outside (`sliding`).

        Args:
            stop_radius_m: a fix at this distance from the first fix of a stop, or farther, ends it.
            stop_dwell_s: the least time from the first fix to the one that ends it.
            stop_gap_s: a longer silence throws the stop away, as trackintel's default of 15 minutes does; off here.
        """
        return cls(stop_radius_m=stop_radius_m, stop_dwell_s=stop_dwell_s, stop_gap_s=stop_gap_s, is_plain=1.0)


RULES = np.dtype([(name, "f8") for name in Rules.__struct_fields__], align=True)
"""`Rules` as one record of numbers."""
