"""The OsmAnd protocol as Traccar reads it: one HTTP request in, one `Report` or a refusal out. Pure.

| request | outcome |
| --- | --- |
| parameters in the URL, or in a form body when the URL has none | query form |
| `Content-Type: application/json…` | JSON form, one location each |
| a number that is none, latitude 91, a JSON field missing | `BrokenRequest`: Traccar closes without any answer |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from itrack.units import knots_from_mps
from simulator.stand_in.times import ms_of_iso

__all__ = ["MIN_ACCURACY_M", "BrokenRequest", "Report", "read_request"]

MIN_ACCURACY_M = 10.0
"""A JSON report that claims a smaller radius is stored with accuracy 0, as `osmand.minAccuracy` does by default."""

_MAX_SECONDS = 2**31 - 1
_NUMBERS = {
    "lat": "latitude",
    "lon": "longitude",
    "speed": "speed_kn",
    "bearing": "course",
    "heading": "course",
    "altitude": "altitude",
    "accuracy": "accuracy",
}
_RANGES = {"latitude": (-90.0, 90.0), "longitude": (-180.0, 180.0)}


class BrokenRequest(ValueError):
    """What makes Traccar's decoder fail: it logs the failure and closes the connection without a response."""


class Report(msgspec.Struct, kw_only=True):
    """What one request said. Degrees, metres, knots, milliseconds since 1970; `latitude` None means no place."""

    unique_id: str | None
    is_json: bool
    time_ms: int
    latitude: float | None = None
    longitude: float | None = None
    valid: bool = True
    altitude: float = 0.0
    speed_kn: float = 0.0
    course: float = 0.0
    accuracy: float = 0.0
    network: dict[str, Any] | None = None
    attributes: dict[str, Any] = {}


def read_request(query: str, content_type: str, body: bytes, now_ms: int) -> Report:
    """Decode one OsmAnd request.

    Args:
        query: what follows `?` in the URL, still encoded.
        content_type: of the body, empty when none was named.
        body: of the request.
        now_ms: the time of a report that names none.

    Raises:
        BrokenRequest: Traccar would close the connection.
    """
    try:
        if content_type.startswith("application/json"):
            return _read_json(body)
        parameters = parse_qsl(query, keep_blank_values=True, errors="replace")
        if not parameters:
            parameters = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True)
        return _read_query(parameters, now_ms)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, msgspec.DecodeError) as error:
        raise BrokenRequest(f"{type(error).__name__}: {error}") from error


def _read_query(parameters: Sequence[tuple[str, str]], now_ms: int) -> Report:
    report = Report(unique_id=None, is_json=False, time_ms=now_ms)
    for name, value in parameters:
        match name:
            case "id" | "deviceid":
                report.unique_id = value
            case "valid":
                report.valid = value.lower() == "true" or value == "1"
            case "timestamp":
                report.time_ms = _time_ms(value)
            case "location":
                latitude, longitude = value.split(",")[:2]
                report.latitude, report.longitude = _degrees("latitude", latitude), _degrees("longitude", longitude)
            case "cell" | "wifi":
                report.network = _network(report.network or {}, name, value.split(","))
            case _ if name in _NUMBERS:
                field = _NUMBERS[name]
                setattr(report, field, _degrees(field, value) if field in _RANGES else _number(value))
            case _:
                _read_attribute(report.attributes, name, value)
    return report


def _read_attribute(attributes: dict[str, Any], name: str, value: str) -> None:
    match name:
        case "batt":
            attributes["batteryLevel"] = _number(value)
        case "hdop":
            attributes["hdop"] = _number(value)
        case "charge":
            attributes["charge"] = value.lower() == "true"
        case "driverUniqueId":
            attributes[name] = value
        case _:
            try:
                attributes[name] = _number(value)
            except ValueError:
                attributes[name] = {"true": True, "false": False}.get(value, value)


def _read_json(body: bytes) -> Report:
    root = msgspec.json.decode(body)
    location = root["location"]
    report = Report(unique_id=_text(root["device_id"]), is_json=True, time_ms=ms_of_iso(location["timestamp"]))
    if "coords" in location:
        coords = location["coords"]
        latitude, longitude, accuracy, speed, heading, altitude = (
            _json_number(coords[name]) for name in ("latitude", "longitude", "accuracy", "speed", "heading", "altitude")
        )
        report.latitude, report.longitude = _degrees("latitude", latitude), _degrees("longitude", longitude)
        report.altitude = altitude
        report.speed_kn = knots_from_mps(speed) if speed >= 0 else 0.0
        report.course = max(heading, 0.0)
        report.accuracy = accuracy if accuracy >= MIN_ACCURACY_M else 0.0
    if "event" in location:
        report.attributes["event"] = _text(location["event"])
    if "is_moving" in location:
        report.attributes["motion"] = _boolean(location["is_moving"])
    if "odometer" in location:
        report.attributes["odometer"] = int(_json_number(location["odometer"]))
    if "battery" in location:
        level, is_charging = (
            _json_number(location["battery"]["level"]),
            _boolean(location["battery"]["is_charging"]),
        )
        if level >= 0:
            report.attributes["batteryLevel"] = int(level * 100)
        if is_charging:
            report.attributes["charge"] = True
    if "activity" in location:
        report.attributes["activity"] = _text(location["activity"]["type"])
    return report


def _time_ms(value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        if "T" in value:
            return ms_of_iso(value)
        in_server_zone = datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return round(in_server_zone.timestamp() * 1000)
    return number * 1000 if number < _MAX_SECONDS else number


def _degrees(name: str, value: str | float) -> float:
    number = _number(value)
    low, high = _RANGES[name]
    if not low <= number <= high:
        raise ValueError(f"{name} out of range")
    return number


def _number(value: str | float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _network(network: dict[str, Any], kind: str, parts: list[str]) -> dict[str, Any]:
    if kind == "wifi":
        point = {"macAddress": parts[0].replace("-", ":"), "signalStrength": int(parts[1])}
        network.setdefault("wifiAccessPoints", []).append(point)
    else:
        names = ("mobileCountryCode", "mobileNetworkCode", "locationAreaCode", "cellId", "signalStrength")
        tower = dict(zip(names, (int(part) for part in parts[:5]), strict=False))
        if len(tower) < 4:
            raise ValueError("a cell needs four numbers")
        network.setdefault("cellTowers", []).append(tower)
    return network


def _json_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number was expected")
    return float(value)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false was expected")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text was expected")
    return value
