"""Anomalies: what a person should look at, told once per run and not once per fix."""

from __future__ import annotations

from datetime import datetime

import msgspec

from itrack.fix import Fix
from itrack.mobility import Event, Severity
from itrack.trajectory.news import anomaly_event
from itrack.trajectory.point import Point, instant_of, milliseconds_of
from itrack.trajectory.rules import Rules

__all__ = ["AnomalyState", "AnomalyWatch"]

_NEVER_MS = -(2**62)


class AnomalyState(msgspec.Struct, array_like=True):
    """What was told last.

    Attributes:
        is_clock_wrong: the last fix that could be judged had a wrong clock.
        wrong_clock_ms: when the server last received one with a wrong clock.
        jump_ms: event time of the last impossible jump.
    """

    is_clock_wrong: bool = False
    wrong_clock_ms: int = _NEVER_MS
    jump_ms: int = _NEVER_MS


class AnomalyWatch:
    """Tells the anomalies of one phone."""

    def __init__(self, device_id: str, rules: Rules, state: AnomalyState) -> None:
        self._device_id = device_id
        self._rules = rules
        self.state = state

    def on_right_clock(self) -> None:
        """A fix was accepted: a run of wrong clocks is over."""
        self.state.is_clock_wrong = False

    def on_wrong_clock(self, fix: Fix, reason: str) -> list[Event]:
        """A fix with a wrong clock. It is told at the start of a run; it happened when the server received it."""
        state = self.state
        server_ms = milliseconds_of(fix.server_at)
        is_new = not state.is_clock_wrong and server_ms - state.wrong_clock_ms > self._quiet_ms()
        state.is_clock_wrong = True
        state.wrong_clock_ms = max(state.wrong_clock_ms, server_ms)
        if not is_new:
            return []
        return [
            anomaly_event(
                self._device_id,
                "wrong_clock",
                severity=Severity.LOW,
                sentence=f"{reason} Fixes with such times are kept and not used.",
                happened_at=fix.server_at,
                fix_id=fix.fix_id,
                rules=self._rules.name,
                knowable_at=fix.server_at,
            )
        ]

    def on_jump(self, jump: Point, *, is_there: bool, knowable_at: datetime) -> list[Event]:
        """A place that could not be reached in the time; `is_there` when the next fix confirms it."""
        state = self.state
        is_new = jump.at_ms - state.jump_ms > self._quiet_ms()
        state.jump_ms = max(state.jump_ms, jump.at_ms)
        if not is_new:
            return []
        ending = "and went on from there" if is_there else "and was back at once; that fix is kept and not used"
        return [
            anomaly_event(
                self._device_id,
                "impossible_jump",
                severity=Severity.MEDIUM,
                sentence=f"The phone moved faster than {self._rules.speed_max_mps * 3.6:.0f} km/h {ending}.",
                happened_at=instant_of(jump.at_ms),
                fix_id=jump.fix_id,
                rules=self._rules.name,
                knowable_at=knowable_at,
            )
        ]

    def _quiet_ms(self) -> float:
        return self._rules.anomaly_quiet_s * 1000
