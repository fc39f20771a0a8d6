"""The numbers that the mobility logic goes by."""

from __future__ import annotations

import math
from zlib import crc32

import msgspec
import numpy as np

from itrack.trajectory.compiled import Record

__all__ = ["RULES", "RULES_VERSION", "Rules"]

RULES_VERSION = 2
"""Raised whenever the same fixes may lead to other results. Every result carries it in `rules`."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as still, as silent, as impossible.

    Attributes:
        stop_radius_m, stop_dwell_s: who stays within this radius for at least so long has stopped.
        accuracy_sigmas: a place is as wide as its fixes are vague: the radius is at least so many times the error
            that two fixes together claim. 2 covers 95 % of pairs taken at one spot; up to 21 m each, 60 m stay 60 m.
        walking_mps: how fast a person is taken to have left, to date a departure that was not seen.
        silence_s: a silence this long is no ordinary pause between two fixes.
        wake_distance_m: a sleeping phone notices only after such a distance that its owner has left.
        trip_min_distance_m: less than this is a step aside, not a trip.
        accuracy_max_m: a fix that claims a larger error is set aside.
        ahead_max_s: a fix this far after the server's own clock has a wrong clock; less is clamped to the server's.
        speed_max_mps: faster than the fastest train (360 km/h) is a jump.
        anomaly_quiet_s: the same kind of anomaly is told again only after so long without it.
        window_s: length of the windows in which people are counted by cells.
    """

    stop_radius_m: float = 60.0
    stop_dwell_s: float = 300.0
    accuracy_sigmas: float = 2.0
    walking_mps: float = 1.2
    silence_s: float = 300.0
    wake_distance_m: float = 300.0
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
    def plain(cls, *, stop_radius_m: float, stop_dwell_s: float) -> Rules:
        """The sliding rule of the literature and nothing else, to compare with other implementations of it.

        No widening by accuracy, no silence rule, and a stop ends with the first fix outside. Sources: Li et al.,
        "Mining user similarity based on location history", 2008; Hariharan & Toyama, "Project Lachesis", 2004.
        """
        return cls(
            stop_radius_m=stop_radius_m,
            stop_dwell_s=stop_dwell_s,
            accuracy_sigmas=0.0,
            walking_mps=math.inf,
            silence_s=math.inf,
        )


RULES = np.dtype([(name, "f8") for name in Rules.__struct_fields__], align=True)
"""`Rules` as one record of numbers."""
