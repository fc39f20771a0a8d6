"""Units. Inside I-Track everything is SI; Traccar's knots end here."""

from __future__ import annotations

__all__ = ["KNOT_MPS", "knots_from_mps", "mps_from_knots"]

KNOT_MPS = 1852.0 / 3600.0
"""One international knot in metres per second (1 nautical mile = 1852 m, exactly)."""


def mps_from_knots(speed_kn: float) -> float:
    """Metres per second for a speed in knots."""
    return speed_kn * KNOT_MPS


def knots_from_mps(speed_mps: float) -> float:
    """Knots for a speed in metres per second."""
    return speed_mps / KNOT_MPS
