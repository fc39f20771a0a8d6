"""Where a person is shown, when clocks lie and fixes arrive in any order.

A phone's clock is believed when it says a time between 2000 and five minutes after the server's own. Of two fixes with
believable clocks the one measured later is shown, so that a buffer that is sent late never moves a marker backwards.
As soon as one of the two clocks cannot be believed, the one that the server received later is shown: a fix from 2099
does not hold the marker for ever, and one from 1901 still moves it. `static/js/people.js` follows the same rule.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from itrack.fix import Fix
from itrack.trajectory.quality import EARLIEST_AT, Flag, flag_alone
from itrack.trajectory.rules import Rules

__all__ = ["ACCURACY_MAX_M", "SILENCE_S", "is_clock_believable", "is_drawable", "is_in_line", "is_newer", "placed_at"]

_RULES = Rules()

SILENCE_S = _RULES.silence_s
"""No line is drawn over a silence longer than this. Every `Gap` is such a silence."""

ACCURACY_MAX_M = _RULES.accuracy_max_m
"""A place that is vaguer than this moves the marker, but is no point of a line: nobody walked that zigzag."""

_AHEAD = timedelta(seconds=_RULES.ahead_max_s)


def is_clock_believable(fix: Fix) -> bool:
    """True when the phone's clock may have been right when the place was measured."""
    return EARLIEST_AT <= fix.fixed_at <= fix.server_at + _AHEAD


def placed_at(fix: Fix) -> datetime:
    """When the person was there: as the phone says, or as the server says when the phone cannot be believed."""
    return fix.fixed_at if is_clock_believable(fix) else fix.server_at


def is_newer(fix: Fix, shown: Fix) -> bool:
    """True when `fix` should be shown instead of `shown`, both of one device."""
    if is_clock_believable(fix) and is_clock_believable(shown):
        return (fix.fixed_at, fix.server_at) > (shown.fixed_at, shown.server_at)
    return fix.server_at > shown.server_at


def is_drawable(fix: Fix) -> bool:
    """False for a place that is not on Earth or that stands for an unknown one; a marker must not jump there."""
    return flag_alone(fix, _RULES) not in {Flag.OUT_OF_RANGE, Flag.NULL_ISLAND}


def is_in_line(fix: Fix) -> bool:
    """True when a trail or a track may lead through the place."""
    return is_drawable(fix) and (fix.accuracy_m or 0.0) <= ACCURACY_MAX_M
