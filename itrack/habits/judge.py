"""What is odd in a person's life, and what of it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from itrack.habits.kinds import Odd
from itrack.habits.life import Leg, Life
from itrack.habits.off_way import off_usual_way
from itrack.habits.past import Past
from itrack.habits.rules import HabitRules
from itrack.habits.stopped_long import stop_limit, stopped_long
from itrack.habits.unusual_hour import hour_at_place, unusual_hour_under_way
from itrack.habits.unusual_place import place_due_at, unusual_place
from itrack.habits.unusual_speed import unusual_speed
from itrack.habits.wandering import wandering
from itrack.mobility import Anomaly, Severity, Staypoint, Trip, computed_id
from itrack.trajectory.point import milliseconds_of

__all__ = ["Judgement", "anomaly_of", "judge", "needed_since"]

_LOOK_AHEAD = timedelta(days=1)
_SEVERITIES = list(Severity)


class Judgement(msgspec.Struct, kw_only=True):
    """What is told of a person.

    Attributes:
        anomalies: that happened since the moment asked for, in order of time.
        due_at: when time alone may next make something known, while nothing new comes; None for never.
    """

    anomalies: list[Anomaly]
    due_at: datetime | None


def needed_since(since_at: datetime, rules: HabitRules) -> datetime:
    """The rows that end after this moment are needed to judge a person since another."""
    return since_at - timedelta(days=rules.history_days + 2, seconds=rules.quiet_s)


def judge(life: Life, since_at: datetime, now: datetime, rules: HabitRules) -> Judgement:
    """Judge what a person did since a moment by what was known of them before they did it.

    A row is judged by the rows that had ended when the person's habits were last learnt before it began
    (`Life.learnt_ms`), so that the past judged anew gives the same whenever it is done. A change of rows changes
    nothing that happened before them.

    Args:
        life: the rows that end after `needed_since` and begin before `now`.
        since_at: what happened before is left out.
        now: a stay that goes on has lasted until then.
        rules: what is judged by.
    """
    quiet = timedelta(seconds=rules.quiet_s)
    looked_since_at = since_at - quiet
    pasts: dict[int, Past] = {}

    def past_of(row: Staypoint | Trip) -> Past:
        learnt_ms = life.learnt_ms(row.started_at, rules.refresh_fixes)
        if learnt_ms not in pasts:
            pasts[learnt_ms] = Past(life, learnt_ms, rules)
        return pasts[learnt_ms]

    odds: list[Odd] = []
    due_at: datetime | None = None
    for stay in life.stays:
        until_at = stay.ended_at or now
        if until_at > looked_since_at and (past := past_of(stay)).is_learnt:
            horizon_at = until_at if stay.ended_at else now + _LOOK_AHEAD
            for lasted_at, odd in _odd_stay(stay, past, horizon_at):
                if lasted_at <= until_at:
                    odds.append(odd)
                elif due_at is None or lasted_at < due_at:
                    due_at = lasted_at
    for trip, legs in zip(life.trips, life.legs, strict=True):
        if trip.ended_at > looked_since_at and (past := past_of(trip)).is_learnt:
            odds += _odd_trip(trip, legs, past)
    told = [anomaly_of(life.device_id, odd, rules) for odd in _once(odds, quiet) if odd.happened_at >= since_at]
    return Judgement(anomalies=told, due_at=due_at)


def anomaly_of(device_id: str, odd: Odd, rules: HabitRules) -> Anomaly:
    """What is told of something odd."""
    return Anomaly(
        anomaly_id=computed_id(device_id, odd.kind, milliseconds_of(odd.happened_at)),
        device_id=device_id,
        kind=str(odd.kind),
        severity=odd.severity,
        happened_at=odd.happened_at,
        sentence=odd.sentence,
        fix_id=None,
        judged_at=odd.judged_at,
        rules=rules.name,
    )


def _odd_stay(stay: Staypoint, past: Past, until_at: datetime) -> Iterator[tuple[datetime, Odd]]:
    """What is odd about a stay that lasts until a moment, each with the moment from which on it is."""
    if (odd_place := unusual_place(stay, past)) is not None:
        yield place_due_at(stay, past), odd_place
    if (limit := stop_limit(stay, past)) is not None:
        yield stay.started_at + limit, stopped_long(stay, limit, is_twice=False)
        yield stay.started_at + 2 * limit, stopped_long(stay, limit, is_twice=True)
    if (odd_hour := hour_at_place(stay, past, until_at)) is not None:
        yield odd_hour


def _odd_trip(trip: Trip, legs: list[Leg], past: Past) -> Iterator[Odd]:
    odds = [
        *(unusual_speed(leg, past, trip.judged_at) for leg in legs),
        unusual_hour_under_way(trip, past),
        off_usual_way(trip, past),
        wandering(trip, past),
    ]
    return (odd for odd in odds if odd is not None)


def _once(odds: list[Odd], quiet: timedelta) -> list[Odd]:
    """Of each kind, those before which there was none for a while; of two at the same moment the more severe."""
    last: dict[str, datetime] = {}
    told: dict[tuple[str, datetime], Odd] = {}
    for odd in sorted(odds, key=lambda odd: (odd.happened_at, _SEVERITIES.index(odd.severity), odd.sentence)):
        before_at = last.get(odd.kind)
        key = odd.kind, odd.happened_at
        if key in told or before_at is None or odd.happened_at - before_at > quiet:
            told[key] = odd
        last[odd.kind] = odd.happened_at
    return list(told.values())
