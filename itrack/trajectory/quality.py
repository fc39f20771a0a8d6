"""What is wrong with one fix, seen alone. Nothing is deleted: a fix is set aside with a reason."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from itrack.fix import Fix
from itrack.trajectory.rules import Rules

__all__ = ["EARLIEST_AT", "Flag", "Verdict", "judge_alone"]

EARLIEST_AT = datetime(2000, 1, 1, tzinfo=UTC)
"""No phone measured its place by satellite before. Clocks that lost their date say 1901, 1964, 1970 or 1980."""

_NULL_ISLAND_DEG = 0.001
"""Within some hundred metres of 0, 0 there is only a buoy; software puts unknown places there."""


class Flag(StrEnum):
    """Why a fix was set aside."""

    WRONG_CLOCK = "wrong_clock"
    OUT_OF_RANGE = "out_of_range"
    NULL_ISLAND = "null_island"
    POOR_ACCURACY = "poor_accuracy"
    DUPLICATE = "duplicate"
    REPEATED_PLACE = "repeated_place"
    SAME_INSTANT = "same_instant"
    LATE = "late"
    IMPOSSIBLE_JUMP = "impossible_jump"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """That a fix was set aside, why, and by which rules."""

    fix_id: str
    flag: Flag
    reason: str
    rules: str


def judge_alone(fix: Fix, rules: Rules) -> Verdict | None:
    """What is wrong with the fix whatever came before it; None when nothing is.

    The place is looked at first: a place that cannot be is wrong whatever the clock says.
    """
    found = _wrong_place(fix, rules) or _wrong_clock(fix, rules)
    if found is None:
        return None
    flag, reason = found
    return Verdict(fix_id=fix.fix_id, flag=flag, reason=reason, rules=rules.name)


def _wrong_place(fix: Fix, rules: Rules) -> tuple[Flag, str] | None:
    latitude_deg, longitude_deg = fix.latitude_deg, fix.longitude_deg
    is_on_earth = (
        math.isfinite(latitude_deg)
        and math.isfinite(longitude_deg)
        and abs(latitude_deg) <= 90
        and abs(longitude_deg) <= 180
    )
    if not is_on_earth:
        return Flag.OUT_OF_RANGE, "Latitude or longitude is not on Earth."
    if abs(latitude_deg) < _NULL_ISLAND_DEG and abs(longitude_deg) < _NULL_ISLAND_DEG:
        return Flag.NULL_ISLAND, "The place is 0, 0, which stands for an unknown place."
    accuracy_m = fix.accuracy_m or 0.0
    if not 0 <= accuracy_m <= rules.accuracy_max_m:
        return (
            Flag.POOR_ACCURACY,
            f"The phone claims an error of {accuracy_m:.0f} m; {rules.accuracy_max_m:g} m is usable.",
        )
    return None


def _wrong_clock(fix: Fix, rules: Rules) -> tuple[Flag, str] | None:
    if fix.fixed_at < EARLIEST_AT:
        return Flag.WRONG_CLOCK, f"The phone's clock said {fix.fixed_at:%Y-%m-%d}, before phones knew their place."
    ahead_by = fix.fixed_at - fix.server_at
    if ahead_by > timedelta(seconds=rules.ahead_max_s):
        return Flag.WRONG_CLOCK, f"The phone's clock was {ahead_by.total_seconds():.0f} s ahead of the server's."
    return None
