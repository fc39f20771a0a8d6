"""Traccar's JSON, decoded once: knots become m/s, 0 accuracy becomes unknown, what cannot be a fix is set aside.

The fields are those of Traccar's `Position.java` and `Device.java`. Everything here is pure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from itrack.device import Device
from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.instant import Instant
from itrack.units import mps_from_knots

__all__ = [
    "KnownDevice",
    "decode_device",
    "decode_fix",
    "owner_of",
    "traccar_id_of",
]

T = TypeVar("T")

_LONGEST_POSITION = 256 * 1024
_LONGEST_ACTIVITY = 64
_GREATEST_ID = 2**63 - 1


class _Position(msgspec.Struct, rename="camel"):
    """A position as Traccar writes it; what is needed, and what may be absent."""

    id: int
    device_id: int
    fix_time: Instant
    device_time: Instant
    server_time: Instant
    latitude: float
    longitude: float
    altitude: float | None = None
    speed: float | None = None
    course: float | None = None
    accuracy: float | None = None
    valid: bool = True
    attributes: msgspec.Raw = msgspec.Raw(b"{}")


class _Owner(msgspec.Struct, rename="camel"):
    """Only whose position it is."""

    device_id: int


class _Attributes(msgspec.Struct, rename="camel"):
    """The attributes that I-Track knows. They come from the phone: each may be anything."""

    battery_level: Any = None
    motion: Any = None
    activity: Any = None


class _Device(msgspec.Struct, rename="camel"):
    """A device as Traccar writes it. Its texts stay raw: a broken name must not hide a phone."""

    id: int
    unique_id: msgspec.Raw = msgspec.Raw(b'""')
    name: msgspec.Raw = msgspec.Raw(b'""')
    status: msgspec.Raw = msgspec.Raw(b'""')
    disabled: Any = False
    last_update: Any = None
    position_id: Any = 0


_position_decoder = msgspec.json.Decoder(_Position)
_owner_decoder = msgspec.json.Decoder(_Owner)
_attributes_decoder = msgspec.json.Decoder(_Attributes)
_device_decoder = msgspec.json.Decoder(_Device)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device with what only the bridge needs: Traccar's own numbers.

    Attributes:
        traccar_id: what REST asks by.
        latest_position_id: of the position with the latest fix time; 0 when there never was one.
    """

    device: Device
    traccar_id: int
    latest_position_id: int


def decode_fix(raw: bytes, server: str) -> Fix:
    """The fix in the text of one position.

    Args:
        raw: a JSON object.
        server: the Traccar server's short name.

    Raises:
        SetAside: not a position (`not_json`, `missing_field`, `wrong_type`), not on Earth (`latitude_out_of_range`,
            `longitude_out_of_range`), with impossible numbers (`bad_id`, `time_out_of_range`) or `too_large`.
    """
    if len(raw) > _LONGEST_POSITION:
        raise SetAside("too_large", f"{len(raw)} bytes")
    position = _decoded(_position_decoder, raw)
    if not (0 < position.id <= _GREATEST_ID and 0 < position.device_id <= _GREATEST_ID):
        raise SetAside("bad_id", "an identifier is not a positive number of 63 bits")
    if not -90.0 <= position.latitude <= 90.0:
        raise SetAside("latitude_out_of_range", "latitude is not within -90 and 90 degrees")
    if not -180.0 <= position.longitude <= 180.0:
        raise SetAside("longitude_out_of_range", "longitude is not within -180 and 180 degrees")
    attributes = _known_attributes(position.attributes)
    speed_kn = _not_negative(position.speed)
    return Fix(
        fix_id=f"{server}:{position.id}",
        device_id=f"{server}:{position.device_id}",
        fixed_at=_utc(position.fix_time),
        device_at=_utc(position.device_time),
        server_at=_utc(position.server_time),
        latitude_deg=position.latitude,
        longitude_deg=position.longitude,
        altitude_m=position.altitude,
        speed_mps=None if speed_kn is None else mps_from_knots(speed_kn),
        course_deg=_not_negative(position.course),
        accuracy_m=_not_negative(position.accuracy) or None,
        valid=position.valid,
        battery_pct=_battery_pct(attributes.battery_level),
        is_moving=attributes.motion if isinstance(attributes.motion, bool) else None,
        activity=_activity(attributes.activity),
        attributes_json=_attributes_json(position.attributes),
    )


def decode_device(raw: bytes, server: str) -> KnownDevice:
    """The device in the text of one.

    Raises:
        SetAside: it has no number, or is no JSON object.
    """
    device = _decoded(_device_decoder, raw)
    if not 0 < device.id <= _GREATEST_ID:
        raise SetAside("bad_id", "the device's identifier is not a positive number of 63 bits")
    position_id = device.position_id
    return KnownDevice(
        device=Device(
            device_id=f"{server}:{device.id}",
            unique_id=_text(device.unique_id),
            name=_text(device.name),
            status=_text(device.status) or "unknown",
            disabled=device.disabled is True,
            last_report_at=_time(device.last_update),
        ),
        traccar_id=device.id,
        latest_position_id=position_id if isinstance(position_id, int) and 0 < position_id <= _GREATEST_ID else 0,
    )


def traccar_id_of(identifier: str) -> int:
    """Traccar's own number of a fix or a device."""
    return int(identifier.rpartition(":")[2])


def owner_of(raw: bytes) -> int | None:
    """Traccar's number of the device whose position this text is, found cheaply; None when it cannot be."""
    try:
        return _owner_decoder.decode(raw).device_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        reason = "missing_field" if str(error).startswith("Object missing") else "wrong_type"
        raise SetAside(reason, str(error)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        lenient = _lenient(raw)
        cleaned = _text_of(lenient)
        if lenient is None or cleaned == raw:
            raise SetAside("not_json", type(error).__name__) from None
    return _decoded(decoder, cleaned)


def _known_attributes(raw: msgspec.Raw) -> _Attributes:
    try:
        return _attributes_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Attributes()


def _attributes_json(raw: msgspec.Raw) -> str:
    text = bytes(raw).decode("utf-8", "replace")
    return "{}" if text == "null" else text


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise SetAside("time_out_of_range", "a time lies outside the years 1 to 9999") from None


def _time(value: object) -> datetime | None:
    try:
        return msgspec.convert(value, Instant, strict=True).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        return None


def _text(raw: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _not_negative(value: float | None) -> float | None:
    return None if value is None or value < 0 else value


def _battery_pct(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 100 else None  # type: ignore[arg-type,operator]


def _activity(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ACTIVITY else None


def _lenient(data: bytes) -> object:
    """Python's own reader takes `NaN`, bad UTF-8 and half characters, which strict ones refuse; None for no JSON."""
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _text_of(element: object) -> bytes:
    """Its JSON, with half characters replaced. Writing it again gives the same."""
    return json.dumps(element, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
