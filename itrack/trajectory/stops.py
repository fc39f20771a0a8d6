"""Staypoints, found from fixes as they come and from silence.

The rule is the sliding one of Li et al. (2008) and Hariharan & Toyama (2004): the first fix of a candidate is its
anchor; a fix within the radius of the anchor belongs to it; a fix outside ends it and is the next anchor. It is a
staypoint once it has lasted the dwell time. No silence ends a candidate: a phone that is still says nothing, so
the next fix within the radius means that the person stayed, however late it comes.

Two things are added, both off in `Rules.plain`:

- A departure that was not seen is dated: the person left when walking from the place to the first fix outside
  explains the rest, so a phone that wakes up 150 m from home does not lengthen the stay by the walk.
- After a long silence that ended elsewhere, the silence counts as staying only if walking there fills less than
  half of it. Otherwise nobody knows, and `Departure.is_gap` says so.
"""

from __future__ import annotations

import math

import msgspec

from itrack.trajectory.point import Point, distance_m
from itrack.trajectory.rules import Rules

__all__ = ["Departure", "Stay", "StopFinder", "StopState"]


class Stay(msgspec.Struct, frozen=True):
    """A staypoint in the making or made. `ended_ms` is None while the person is there."""

    started_ms: int
    ended_ms: int | None
    last_ms: int
    latitude_deg: float
    longitude_deg: float
    fix_count: int


class StopState(msgspec.Struct, array_like=True):
    """The one candidate of one phone.

    Attributes:
        anchor, last: its first and its newest point.
        fix_count: how many points it has.
        north_sum_deg, east_sum_deg: sums of their offsets from the anchor, for the centre.
        is_told: it is known to be a staypoint.
    """

    anchor: Point
    last: Point
    fix_count: int = 1
    north_sum_deg: float = 0.0
    east_sum_deg: float = 0.0
    is_told: bool = False


class Departure(msgspec.Struct, frozen=True):
    """A fix outside the candidate.

    Attributes:
        stay: the ended staypoint, None when the candidate was none.
        withdrawn: a staypoint that silence had suggested and this fix disproves.
        left_ms: when the person was last there, as far as can be known.
        is_gap: the way from there to this fix was not seen.
        away_m: how far this fix is from the candidate's newest.
    """

    stay: Stay | None
    withdrawn: Stay | None
    left_ms: int
    is_gap: bool
    away_m: float


class StopFinder:
    """Finds the staypoints of one phone. State is one candidate, whatever the number of fixes."""

    def __init__(self, rules: Rules, state: StopState | None) -> None:
        self._rules = rules
        self.state = state

    def begin(self, point: Point) -> None:
        """Make the point the anchor of a new candidate."""
        self.state = StopState(point, point)

    def is_inside(self, point: Point) -> bool:
        """Whether the point is within the radius of the candidate's anchor. A candidate must have begun."""
        anchor = self._candidate().anchor
        vague_m = self._rules.accuracy_sigmas * math.hypot(anchor.accuracy_m, point.accuracy_m)
        return _between_m(anchor, point) < max(self._rules.stop_radius_m, vague_m)

    def stay_on(self, point: Point) -> Stay | None:
        """Add a point inside. Returns the staypoint when this makes it one."""
        state = self._candidate()
        state.last = point
        state.fix_count += 1
        state.north_sum_deg += point.latitude_deg - state.anchor.latitude_deg
        state.east_sum_deg += _turn_deg(point.longitude_deg - state.anchor.longitude_deg)
        return self._tell_if(state.last.at_ms - state.anchor.at_ms)

    def leave(self, point: Point) -> Departure:
        """End the candidate at a point outside, which becomes the next anchor."""
        state, rules = self._candidate(), self._rules
        away_m = _between_m(state.last, point)
        walk_ms = away_m / rules.walking_mps * 1000
        silence_ms = point.at_ms - state.last.at_ms
        is_unseen = silence_ms >= rules.silence_s * 1000
        has_stayed = not is_unseen or silence_ms >= 2 * walk_ms
        left_ms = max(state.last.at_ms, point.at_ms - math.ceil(walk_ms)) if has_stayed else state.last.at_ms
        is_stop = left_ms - state.anchor.at_ms >= rules.stop_dwell_s * 1000
        if not is_stop:
            left_ms = state.last.at_ms
        woke_m = rules.wake_distance_m if is_stop and has_stayed else 0.0
        departure = Departure(
            stay=self.stay(left_ms) if is_stop else None,
            withdrawn=self.stay(None) if state.is_told and not is_stop else None,
            left_ms=left_ms,
            is_gap=is_unseen and away_m > woke_m,
            away_m=away_m,
        )
        self.begin(point)
        return departure

    def due_ms(self) -> int | None:
        """Server time at which silence alone makes the candidate a staypoint; None when nothing is awaited.

        The phone's own time goes on as the server's does, from the moment the newest point was received: replayed
        and late fixes make no silence of years.
        """
        state = self.state
        if state is None or state.is_told:
            return None
        lasted_ms = state.last.at_ms - state.anchor.at_ms
        return state.last.server_ms + math.ceil(self._rules.stop_dwell_s * 1000) - lasted_ms

    def on_silence(self, now_ms: int) -> Stay | None:
        """Nothing more came until `now_ms` (server time). Returns the staypoint when this makes it one."""
        due_ms = self.due_ms()
        return self._tell_if(math.inf) if due_ms is not None and due_ms <= now_ms else None

    def stay(self, ended_ms: int | None) -> Stay:
        """The candidate as a staypoint; its place is the centre of its points."""
        state = self._candidate()
        return Stay(
            started_ms=state.anchor.at_ms,
            ended_ms=ended_ms,
            last_ms=state.last.at_ms,
            latitude_deg=state.anchor.latitude_deg + state.north_sum_deg / state.fix_count,
            longitude_deg=_turn_deg(state.anchor.longitude_deg + state.east_sum_deg / state.fix_count),
            fix_count=state.fix_count,
        )

    def _tell_if(self, lasted_ms: float) -> Stay | None:
        state = self._candidate()
        if state.is_told or lasted_ms < self._rules.stop_dwell_s * 1000:
            return None
        state.is_told = True
        return self.stay(None)

    def _candidate(self) -> StopState:
        if self.state is None:
            raise RuntimeError("no candidate has begun: call begin() with the first point")
        return self.state


def _between_m(start: Point, end: Point) -> float:
    return distance_m(start.latitude_deg, start.longitude_deg, end.latitude_deg, end.longitude_deg)


def _turn_deg(longitude_deg: float) -> float:
    """The same longitude, or difference of longitudes, between -180 and 180."""
    return (longitude_deg + 180.0) % 360.0 - 180.0 if abs(longitude_deg) > 180.0 else longitude_deg
