"""The JSON objects of Traccar's API, field for field in its own order and its own (camel case) names."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Device", "Position", "User", "encode"]

_encoder = msgspec.json.Encoder()


class User(msgspec.Struct, rename="camel", kw_only=True):
    """A Traccar user. `device_limit` 0 means: may create none; -1 means: as many as they like."""

    id: int = 0
    attributes: dict[str, Any] = {}
    name: str | None = None
    login: str | None = None
    email: str | None = None
    phone: str | None = None
    readonly: bool = False
    administrator: bool = False
    disabled: bool = False
    expiration_time: str | None = None
    device_limit: int = 0
    user_limit: int = 0
    device_readonly: bool = False
    limit_commands: bool = False
    disable_reports: bool = False
    fixed_email: bool = False
    temporary: bool = False
    password: str | None = None


class Device(msgspec.Struct, rename="camel", kw_only=True):
    """A phone known to Traccar. `position_id` 0 means: never reported a place."""

    id: int = 0
    attributes: dict[str, Any] = {}
    group_id: int = 0
    calendar_id: int = 0
    name: str | None = None
    unique_id: str | None = None
    status: str = "offline"
    last_update: str | None = None
    position_id: int = 0
    phone: str | None = None
    model: str | None = None
    contact: str | None = None
    category: str | None = None
    disabled: bool = False
    expiration_time: str | None = None


class Position(msgspec.Struct, rename="camel", kw_only=True):
    """A stored report: degrees, metres, **knots**. Times are text (see `times`)."""

    id: int
    attributes: dict[str, Any]
    device_id: int
    protocol: str = "osmand"
    server_time: str
    device_time: str
    fix_time: str
    valid: bool = True
    latitude: float = 0.0
    longitude: float = 0.0
    altitude: float = 0.0
    speed: float = 0.0
    course: float = 0.0
    address: str | None = None
    accuracy: float = 0.0
    network: dict[str, Any] | None = None
    geofence_ids: list[int] | None = None


def encode(value: object) -> str:
    """JSON text of a record, or of lists and dicts of records."""
    return _encoder.encode(value).decode()
