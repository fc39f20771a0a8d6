"""A phone's report as OsmAnd requests: the query form of old clients and the JSON form of new ones. Pure.

Times travel as ISO 8601 with milliseconds: a number would lose them in seconds, and mean something else before 1970.
"""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum
from typing import Any

from itrack.units import knots_from_mps
from simulator.tracks import TrackPoint

__all__ = ["Form", "json_form", "query_form"]


class Form(StrEnum):
    """How reports are worded."""

    QUERY = "query"
    JSON = "json"


def query_form(unique_id: str, point: TrackPoint) -> dict[str, str]:
    """URL parameters; speed in knots. What the phone does not know is left out."""
    said = {
        "id": unique_id,
        "timestamp": _iso(point),
        "lat": point.latitude_deg,
        "lon": point.longitude_deg,
        "altitude": point.altitude_m,
        "speed": None if point.speed_mps is None else knots_from_mps(point.speed_mps),
        "bearing": point.course_deg,
        "accuracy": point.accuracy_m,
        "batt": point.battery_pct,
        "motion": None if point.is_moving is None else str(point.is_moving).lower(),
        "activity": point.activity,
    }
    return {name: str(value) for name, value in said.items() if value is not None}


def json_form(unique_id: str, point: TrackPoint) -> dict[str, Any]:
    """The JSON body; speed in metres per second.

    All six numbers of `coords` are demanded: -1 stands for an unknown speed or course, 0 for an unknown altitude or
    accuracy, as phones do it.
    """
    location: dict[str, Any] = {
        "timestamp": _iso(point),
        "coords": {
            "latitude": point.latitude_deg,
            "longitude": point.longitude_deg,
            "accuracy": point.accuracy_m or 0.0,
            "speed": -1.0 if point.speed_mps is None else point.speed_mps,
            "heading": -1.0 if point.course_deg is None else point.course_deg,
            "altitude": point.altitude_m or 0.0,
        },
        "extras": {},
    }
    if point.is_moving is not None:
        location["is_moving"] = point.is_moving
    if point.battery_pct is not None:
        location["battery"] = {"level": point.battery_pct / 100, "is_charging": False}
    if point.activity is not None:
        location["activity"] = {"type": point.activity}
    return {"device_id": unique_id, "location": location}


def _iso(point: TrackPoint) -> str:
    return point.measured_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
