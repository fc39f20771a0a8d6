"""Trips: movement between staypoints, with the distance along accepted fixes only."""

from __future__ import annotations

import msgspec

from itrack.trajectory.rules import Rules

__all__ = ["Journey", "TripMeter", "TripState"]


class Journey(msgspec.Struct, frozen=True):
    """A finished trip. `from_stop_ms` and `to_stop_ms` are the starts of the staypoints at its ends."""

    started_ms: int
    ended_ms: int
    from_stop_ms: int | None
    to_stop_ms: int | None
    distance_m: float
    fix_count: int


class TripState(msgspec.Struct, array_like=True):
    """The way since the last staypoint, gap or the beginning.

    The way inside the present candidate for a staypoint is kept apart: if the person has stopped there, it was
    jitter and not a part of the trip; if they walk on, it was.
    """

    started_ms: int
    from_stop_ms: int | None = None
    distance_m: float = 0.0
    fix_count: int = 1
    candidate_distance_m: float = 0.0
    candidate_fix_count: int = 0


class TripMeter:
    """Measures the trips of one phone."""

    def __init__(self, rules: Rules, state: TripState | None) -> None:
        self._rules = rules
        self.state = state

    def begin(self, at_ms: int, *, from_stop_ms: int | None = None, distance_m: float = 0.0) -> None:
        """A new way begins: at the first fix, on leaving a staypoint, after a gap."""
        self.state = TripState(at_ms, from_stop_ms, distance_m)

    def move_inside(self, leg_m: float) -> None:
        """A leg inside the present candidate for a staypoint."""
        if self.state is not None:
            self.state.candidate_distance_m += leg_m
            self.state.candidate_fix_count += 1

    def move_on(self, leg_m: float) -> None:
        """A leg out of a candidate that was no staypoint."""
        state = self.state
        if state is not None:
            state.distance_m += state.candidate_distance_m + leg_m
            state.fix_count += state.candidate_fix_count + 1
            state.candidate_distance_m = 0.0
            state.candidate_fix_count = 0

    def arrive(self, stop_ms: int) -> Journey | None:
        """The person has stopped at `stop_ms`. The meter keeps its state: the staypoint may yet be withdrawn."""
        state = self.state
        if state is None:
            return None
        return self._journey(stop_ms, stop_ms, state.distance_m, state.fix_count)

    def lose(self, at_ms: int) -> Journey | None:
        """A gap begins at `at_ms`, the newest fix, without a staypoint before it."""
        state = self.state
        if state is None:
            return None
        return self._journey(
            at_ms,
            None,
            state.distance_m + state.candidate_distance_m,
            state.fix_count + state.candidate_fix_count,
        )

    def _journey(self, ended_ms: int, to_stop_ms: int | None, distance_m: float, fix_count: int) -> Journey | None:
        state = self.state
        if state is None or ended_ms <= state.started_ms or distance_m < self._rules.trip_min_distance_m:
            return None
        return Journey(state.started_ms, ended_ms, state.from_stop_ms, to_stop_ms, distance_m, fix_count)
