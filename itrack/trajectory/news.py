"""What the logic has found, in the words that every part speaks: staypoints, trips, gaps, anomalies, events."""

from __future__ import annotations

from datetime import datetime

from itrack.mobility import Anomaly, Event, EventKind, Gap, Severity, Staypoint, Trip, computed_id
from itrack.trajectory.point import Point, instant_of
from itrack.trajectory.stops import Departure, Stay
from itrack.trajectory.trips import Journey

__all__ = ["anomaly_event", "gap_event", "staypoint_event", "staypoint_of", "trip_event"]


def staypoint_of(device_id: str, stay: Stay, rules: str) -> Staypoint:
    """The staypoint of a stay."""
    started_at = instant_of(stay.started_ms)
    return Staypoint(
        staypoint_id=computed_id(device_id, "stay", started_at),
        device_id=device_id,
        started_at=started_at,
        ended_at=None if stay.ended_ms is None else instant_of(stay.ended_ms),
        last_fixed_at=instant_of(stay.last_ms),
        latitude_deg=stay.latitude_deg,
        longitude_deg=stay.longitude_deg,
        fix_count=stay.fix_count,
        rules=rules,
    )


def staypoint_event(kind: EventKind, staypoint: Staypoint, knowable_at: datetime) -> Event:
    """A staypoint started, ended or was withdrawn."""
    is_end = kind is EventKind.STAYPOINT_ENDED and staypoint.ended_at is not None
    return Event(
        event_id=f"{staypoint.staypoint_id}:{kind}",
        kind=kind,
        device_id=staypoint.device_id,
        happened_at=staypoint.ended_at if is_end and staypoint.ended_at else staypoint.started_at,
        knowable_at=knowable_at,
        staypoint=staypoint,
    )


def trip_event(device_id: str, journey: Journey, rules: str, knowable_at: datetime) -> Event:
    """A trip ended, at a staypoint or in a gap. If it turns out otherwise, another event of the same trip says so."""
    started_at, ended_at = instant_of(journey.started_ms), instant_of(journey.ended_ms)
    trip = Trip(
        trip_id=computed_id(device_id, "trip", started_at),
        device_id=device_id,
        started_at=started_at,
        ended_at=ended_at,
        from_staypoint_id=_staypoint_id(device_id, journey.from_stop_ms),
        to_staypoint_id=_staypoint_id(device_id, journey.to_stop_ms),
        distance_m=round(journey.distance_m, 1),
        fix_count=journey.fix_count,
        rules=rules,
    )
    return Event(
        event_id=f"{trip.trip_id}:{EventKind.TRIP_ENDED}:{journey.ended_ms}{'' if trip.to_staypoint_id else ':lost'}",
        kind=EventKind.TRIP_ENDED,
        device_id=device_id,
        happened_at=ended_at,
        knowable_at=knowable_at,
        trip=trip,
    )


def gap_event(device_id: str, departure: Departure, back: Point, rules: str, knowable_at: datetime) -> Event:
    """The way from a departure to the point `back` was not seen."""
    started_at = instant_of(departure.left_ms)
    gap = Gap(
        gap_id=computed_id(device_id, "gap", started_at),
        device_id=device_id,
        started_at=started_at,
        ended_at=instant_of(back.at_ms),
        beeline_m=round(departure.away_m, 1),
        rules=rules,
    )
    return Event(
        event_id=f"{gap.gap_id}:{EventKind.GAP_FOUND}",
        kind=EventKind.GAP_FOUND,
        device_id=device_id,
        happened_at=started_at,
        knowable_at=knowable_at,
        gap=gap,
    )


def anomaly_event(
    device_id: str,
    kind: str,
    *,
    severity: Severity,
    sentence: str,
    happened_at: datetime,
    fix_id: str,
    rules: str,
    knowable_at: datetime,
) -> Event:
    """An anomaly was found."""
    anomaly = Anomaly(
        anomaly_id=computed_id(device_id, kind, happened_at),
        device_id=device_id,
        kind=kind,
        severity=severity,
        happened_at=happened_at,
        sentence=sentence,
        fix_id=fix_id,
        rules=rules,
    )
    return Event(
        event_id=f"{anomaly.anomaly_id}:{EventKind.ANOMALY_FOUND}",
        kind=EventKind.ANOMALY_FOUND,
        device_id=device_id,
        happened_at=happened_at,
        knowable_at=knowable_at,
        anomaly=anomaly,
    )


def _staypoint_id(device_id: str, started_ms: int | None) -> str | None:
    return None if started_ms is None else computed_id(device_id, "stay", instant_of(started_ms))
