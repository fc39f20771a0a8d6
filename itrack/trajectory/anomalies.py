"""Anomalies that single fixes show, told once per run and not once per fix."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from itrack.trajectory.compiled import Record, compiled
from itrack.trajectory.found import Found, Out, tell

__all__ = ["ALARM", "AnomalyKind", "on_jump", "on_right_clock", "on_wrong_clock"]


class AnomalyKind(IntEnum):
    """What is odd. As text it is its name in small letters."""

    WRONG_CLOCK = 1
    IMPOSSIBLE_JUMP = 2

    def __str__(self) -> str:
        return self.name.lower()


ALARM = np.dtype(
    [("wrong_clock_ms", "i8"), ("jump_ms", "i8"), ("is_clock_wrong", "?"), ("had_jump", "?"), ("had_wrong_clock", "?")],
    align=True,
)
"""What was told last: the server's time of the last wrong clock, the time of the last jump, and whether the newest
point that could be judged had a wrong clock."""

_ANOMALY = int(Found.ANOMALY)
_WRONG_CLOCK = int(AnomalyKind.WRONG_CLOCK)
_IMPOSSIBLE_JUMP = int(AnomalyKind.IMPOSSIBLE_JUMP)


@compiled
def on_right_clock(alarm: Record) -> None:
    """A point was accepted: a run of wrong clocks is over."""
    alarm.is_clock_wrong = False


@compiled
def on_wrong_clock(alarm: Record, point: Record, rules: Record, out: Out) -> None:
    """A wrong clock. It is told at the start of a run; it happened when the server received it."""
    is_long_ago = not alarm.had_wrong_clock or point.server_ms - alarm.wrong_clock_ms > rules.anomaly_quiet_s * 1000
    is_new = not alarm.is_clock_wrong and is_long_ago
    alarm.is_clock_wrong = True
    alarm.wrong_clock_ms = point.server_ms if not alarm.had_wrong_clock else max(alarm.wrong_clock_ms, point.server_ms)
    alarm.had_wrong_clock = True
    if is_new:
        row = tell(out, _ANOMALY, point.server_ms, point.at_ms, point.server_ms)
        row.what = _WRONG_CLOCK
        row.fix_no = point.fix_no
        row.from_ms = point.fixed_ms


@compiled
def on_jump(
    alarm: Record,
    jump: Record,
    point: Record,
    is_there: bool,
    rules: Record,
    out: Out,
) -> None:
    """A place that could not be reached in the time; `is_there` when the next point confirms it."""
    is_new = not alarm.had_jump or jump.at_ms - alarm.jump_ms > rules.anomaly_quiet_s * 1000
    alarm.jump_ms = jump.at_ms if not alarm.had_jump else max(alarm.jump_ms, jump.at_ms)
    alarm.had_jump = True
    if is_new:
        row = tell(out, _ANOMALY, jump.at_ms, point.at_ms, point.server_ms)
        row.what = _IMPOSSIBLE_JUMP
        row.fix_no = jump.fix_no
        row.number = 1.0 if is_there else 0.0
