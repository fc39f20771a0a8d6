"""What Traccar makes of a report before it stores it: future filter, last known place, distances, motion flag. Pure."""

from __future__ import annotations

import math

from simulator.stand_in.osmand import Report
from simulator.stand_in.records import Position
from simulator.stand_in.times import iso_of_ms

__all__ = ["FUTURE_LIMIT_MS", "distance_m", "is_latest", "position_of_report"]

FUTURE_LIMIT_MS = 86_400_000
"""A place measured further in the future than this is dropped after a friendly 200 (`filter.future`)."""

_MOTION_KN = 0.01
_EARTH_RADIUS_M = 6_378_137.0


def position_of_report(
    report: Report, device_id: int, received_ms: int, latest: Position | None, processed: Position | None
) -> Position | None:
    """Turn a report into the position to store, still without its id.

    Args:
        report: as decoded.
        device_id: of the phone.
        received_ms: when the request arrived.
        latest: the device's latest position by fix time: repeated when the report has no place.
        processed: the device's position processed last, early or late: distances are measured from it.

    Returns:
        The position, or None when the future filter drops it.

    Raises:
        OverflowError: a time that no calendar holds.
    """
    has_place = report.latitude is not None and report.longitude is not None
    if has_place and report.time_ms > received_ms + FUTURE_LIMIT_MS:
        return None
    position = Position(
        id=0,
        attributes=dict(report.attributes),
        device_id=device_id,
        server_time=iso_of_ms(received_ms),
        device_time=iso_of_ms(report.time_ms),
        fix_time=iso_of_ms(report.time_ms),
        valid=report.valid,
        network=report.network,
    )
    if report.latitude is not None and report.longitude is not None:
        position.latitude, position.longitude = report.latitude, report.longitude
        position.altitude, position.accuracy = report.altitude, report.accuracy
        position.speed, position.course = report.speed_kn, report.course
    else:
        _repeat_place(position, latest)
    _add_distances(position, processed)
    position.attributes.setdefault("motion", position.speed > _MOTION_KN)
    return position


def is_latest(position: Position, latest: Position | None) -> bool:
    """Only such a position is pushed and becomes the device's own; the others are stored in silence."""
    return latest is None or position.fix_time >= latest.fix_time


def distance_m(from_: Position, to: Position) -> float:
    """Great-circle distance on a sphere of the equator's radius, Traccar's own formula (haversine)."""
    lat_1, lat_2 = math.radians(from_.latitude), math.radians(to.latitude)
    half_lat, half_lon = (lat_2 - lat_1) / 2, math.radians(to.longitude - from_.longitude) / 2
    a = math.sin(half_lat) ** 2 + math.cos(lat_1) * math.cos(lat_2) * math.sin(half_lon) ** 2
    return 2 * _EARTH_RADIUS_M * math.atan2(math.sqrt(a), math.sqrt(1 - a))


def _repeat_place(position: Position, latest: Position | None) -> None:
    if latest is None:
        position.fix_time = iso_of_ms(0)
        return
    position.fix_time, position.valid = latest.fix_time, latest.valid
    position.latitude, position.longitude = latest.latitude, latest.longitude
    position.altitude, position.accuracy = latest.altitude, latest.accuracy
    position.speed, position.course = latest.speed, latest.course


def _add_distances(position: Position, processed: Position | None) -> None:
    distance, total = 0.0, 0.0
    if processed is not None:
        total = float(processed.attributes["totalDistance"])
        distance = round(distance_m(processed, position), 2)
    position.attributes["distance"] = distance
    position.attributes["totalDistance"] = round(total + distance, 2)
