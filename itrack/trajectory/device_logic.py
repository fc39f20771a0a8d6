"""One phone: fixes and silence in, events out. The one door to the mobility logic for stream, batch and tests.

```
fix ── sequence ──> stops ──> trips
          │           └─────> gaps
          └── anomalies
```
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mobility import Event, EventKind, Staypoint
from itrack.trajectory.anomalies import AnomalyState, AnomalyWatch
from itrack.trajectory.news import gap_event, staypoint_event, staypoint_of, trip_event
from itrack.trajectory.point import Point, distance_m, instant_of, milliseconds_of
from itrack.trajectory.quality import Flag, Verdict
from itrack.trajectory.rules import Rules
from itrack.trajectory.sequence import SequenceGate, SequenceState
from itrack.trajectory.stops import Departure, Stay, StopFinder, StopState
from itrack.trajectory.trips import Journey, TripMeter, TripState

__all__ = ["SNAPSHOT_VERSION", "DeviceLogic"]

SNAPSHOT_VERSION = 1
"""Version of `snapshot()`. A reader of another version must rebuild the state from the fixes."""


class _State(msgspec.Struct, array_like=True):
    version: int
    device_id: str
    sequence: SequenceState
    stop: StopState | None
    trip: TripState | None
    anomalies: AnomalyState


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class DeviceLogic:
    """The mobility logic of one phone.

    It has no clock: `on_fix` goes by the fix's times, `on_time` by the time it is told. The same calls give the
    same events, and an event given twice has the same identifier.

    Args:
        device_id: whose fixes these are.
        rules: what it goes by.
        snapshot: what `snapshot()` gave earlier, to go on from there; None for a phone never seen.

    Raises:
        SetAside: the snapshot is damaged, of another version, or another phone's.

    Attributes:
        verdicts: fixes set aside since the caller last cleared the list; not part of the snapshot.
    """

    def __init__(self, device_id: str, rules: Rules, snapshot: bytes | None = None) -> None:
        state = _fresh(device_id) if snapshot is None else _restored(device_id, snapshot)
        self.device_id = device_id
        self.verdicts: list[Verdict] = []
        self._rules = rules
        self._gate = SequenceGate(rules, state.sequence)
        self._stops = StopFinder(rules, state.stop)
        self._trips = TripMeter(rules, state.trip)
        self._anomalies = AnomalyWatch(device_id, rules, state.anomalies)

    def snapshot(self) -> bytes:
        """Everything that later calls depend on, a few hundred bytes however long the phone has been watched."""
        return _encoder.encode(
            _State(
                SNAPSHOT_VERSION,
                self.device_id,
                self._gate.state,
                self._stops.state,
                self._trips.state,
                self._anomalies.state,
            )
        )

    def on_fix(self, fix: Fix) -> list[Event]:
        """Judge the phone's next fix and tell what it makes known."""
        admission = self._gate.admit(fix)
        self.verdicts += admission.verdicts
        knowable_at = fix.server_at
        events: list[Event] = []
        for verdict in admission.verdicts:
            if verdict.flag is Flag.WRONG_CLOCK and admission.is_news:
                events += self._anomalies.on_wrong_clock(fix, verdict.reason)
        if admission.jump is not None:
            events += self._anomalies.on_jump(admission.jump, is_there=admission.broken, knowable_at=knowable_at)
        for index, point in enumerate(admission.accepted):
            self._anomalies.on_right_clock()
            events += self._on_point(point, knowable_at, is_broken=admission.broken and index == 0)
        return events

    def on_time(self, now: datetime) -> list[Event]:
        """No fix of this phone came until `now`, by the server's clock. Tells what that silence makes known."""
        due_ms = self.due_ms()
        if due_ms is None or due_ms > milliseconds_of(now):
            return []
        stay = self._stops.on_silence(due_ms)
        return [] if stay is None else self._arrived(stay, instant_of(due_ms))

    def due_ms(self) -> int | None:
        """When `on_time` will next have something to tell (ms since 1970 UTC, server time); None for never.

        While a fix is held back nobody knows where the phone is, so its silence tells nothing.
        """
        return None if self._gate.state.suspect is not None else self._stops.due_ms()

    def open_staypoint(self) -> Staypoint | None:
        """The staypoint that the person is at, as it has grown so far."""
        state = self._stops.state
        if state is None or not state.is_told:
            return None
        return staypoint_of(self.device_id, self._stops.stay(None), self._rules.name)

    def flags(self) -> Counter[Flag]:
        """How many fixes were set aside since `verdicts` was cleared, by reason."""
        return Counter(verdict.flag for verdict in self.verdicts)

    def _on_point(self, point: Point, knowable_at: datetime, *, is_broken: bool) -> list[Event]:
        candidate = self._stops.state
        if candidate is None:
            self._stops.begin(point)
            self._trips.begin(point.at_ms)
            return []
        if self._stops.is_inside(point):
            self._trips.move_inside(0.0 if is_broken else _between_m(candidate.last, point))
            stay = self._stops.stay_on(point)
            return [] if stay is None else self._arrived(stay, knowable_at)
        was_told = candidate.is_told
        departure = self._stops.leave(point)
        return self._left(departure, point, knowable_at, was_told=was_told, is_broken=is_broken)

    def _arrived(self, stay: Stay, knowable_at: datetime) -> list[Event]:
        events = self._trip(self._trips.arrive(stay.started_ms), knowable_at)
        return [*events, self._stay(EventKind.STAYPOINT_STARTED, stay, knowable_at)]

    def _left(
        self, departure: Departure, point: Point, knowable_at: datetime, *, was_told: bool, is_broken: bool
    ) -> list[Event]:
        events: list[Event] = []
        leg_m = 0.0 if is_broken else departure.away_m
        stay = departure.stay
        if departure.withdrawn is not None:
            events.append(self._stay(EventKind.STAYPOINT_WITHDRAWN, departure.withdrawn, knowable_at))
        if stay is not None:
            if not was_told:
                events += self._arrived(stay, knowable_at)
            events.append(self._stay(EventKind.STAYPOINT_ENDED, stay, knowable_at))
        if departure.is_gap:
            if stay is None:
                events += self._trip(self._trips.lose(departure.left_ms), knowable_at)
            events.append(gap_event(self.device_id, departure, point, self._rules.name, knowable_at))
            self._trips.begin(point.at_ms)
        elif stay is not None:
            self._trips.begin(departure.left_ms, from_stop_ms=stay.started_ms, distance_m=leg_m)
        else:
            self._trips.move_on(leg_m)
        return events

    def _stay(self, kind: EventKind, stay: Stay, knowable_at: datetime) -> Event:
        return staypoint_event(kind, staypoint_of(self.device_id, stay, self._rules.name), knowable_at)

    def _trip(self, journey: Journey | None, knowable_at: datetime) -> list[Event]:
        return [] if journey is None else [trip_event(self.device_id, journey, self._rules.name, knowable_at)]


def _fresh(device_id: str) -> _State:
    return _State(SNAPSHOT_VERSION, device_id, SequenceState(), None, None, AnomalyState())


def _restored(device_id: str, snapshot: bytes) -> _State:
    try:
        state = _decoder.decode(snapshot)
    except msgspec.MsgspecError as error:
        raise SetAside("unreadable_snapshot", str(error)) from error
    if (state.version, state.device_id) != (SNAPSHOT_VERSION, device_id):
        raise SetAside(
            "unknown_snapshot",
            f"version {state.version} of {state.device_id}; wanted version {SNAPSHOT_VERSION} of {device_id}",
        )
    return state


def _between_m(start: Point, end: Point) -> float:
    return distance_m(start.latitude_deg, start.longitude_deg, end.latitude_deg, end.longitude_deg)
