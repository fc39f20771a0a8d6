"""What the live map sends to a browser, and its form.

Every frame on `/ws` is one text message with one JSON object. Times are RFC 3339 in UTC unless they end in `_ms`
(milliseconds since 1970 UTC). A reader ignores kinds and fields that it does not know.

| `kind` | when | fields |
| --- | --- | --- |
| `hello` | first of all | `server_at`, `feed_ok`, `feed_detail` |
| `news` | as soon as something happened, at most every 25 ms | `sent_at`, `fixes`, `events`, `devices` |
| `beat` | every 10 s, and when the feed fails or recovers | `server_at`, `feed_ok`, `feed_detail` |
| `resync` | the feed was interrupted, something may be missing | none; ask `/api/state` again |

`fixes` is a list of `LiveFix`. Each carries `fix_id` and `device_id`, so that a client can match it with what it sent;
the same fix may arrive twice, and fixes may arrive in any order. `events` is a list of `itrack.mobility.Event`,
`devices` a list of `LiveDevice` whose name or state is new.

The server reads nothing from the socket. A client that does not keep up is closed with code 1013 (try again later)
and should connect again and ask `/api/state` again, which it should do after every connection that was lost.

`GET /api/state` answers with a `State`, `GET /api/track/{device_id}` with a `Track`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from itrack.device import Device
from itrack.fix import Fix
from itrack.instant import Instant
from itrack.mobility import Anomaly, Event, Staypoint, Trip
from live_map.placing import is_clock_believable, placed_at

__all__ = ["Beat", "Hello", "LiveDevice", "LiveFix", "News", "Resync", "State", "Track", "live_device", "live_fix"]


class LiveFix(msgspec.Struct, frozen=True, kw_only=True):
    """A fix as the page needs it.

    Attributes:
        placed_at: when the person was there: `fixed_at`, or `server_at` when `clock_ok` is false.
        clock_ok: the phone's clock can be believed (see `live_map.placing`).

    The other fields are those of `itrack.fix.Fix`. `activity` is hostile text.
    """

    fix_id: str
    device_id: str
    fixed_at: Instant
    server_at: Instant
    placed_at: Instant
    clock_ok: bool
    latitude_deg: float
    longitude_deg: float
    speed_mps: float | None
    course_deg: float | None
    accuracy_m: float | None
    battery_pct: float | None
    activity: str | None


class LiveDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A phone as the page needs it. `name` is hostile text."""

    device_id: str
    name: str
    disabled: bool


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello", tag_field="kind"):
    """The first frame: the server's clock, and whether news can be expected."""

    server_at: Instant
    feed_ok: bool
    feed_detail: str


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag="beat", tag_field="kind"):
    """A sign of life."""

    server_at: Instant
    feed_ok: bool
    feed_detail: str


class Resync(msgspec.Struct, frozen=True, kw_only=True, tag="resync", tag_field="kind"):
    """News may have been missed."""


class News(msgspec.Struct, frozen=True, kw_only=True, tag="news", tag_field="kind"):
    """What happened since the frame before."""

    sent_at: Instant
    fixes: list[LiveFix] = []
    events: list[Event] = []
    devices: list[LiveDevice] = []


TrailPoint = tuple[int, float, float]
"""(placed at, milliseconds since 1970 UTC; latitude; longitude)"""

TrackPoint = tuple[int, float, float, float | None, float | None]
"""(fixed at, milliseconds since 1970 UTC; latitude; longitude; speed, m/s; accuracy, m)"""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a page needs to begin.

    Attributes:
        server_at: when the reading began; news from then on may be part of it already.
        silence_s: no line may be drawn over a silence longer than this.
        accuracy_max_m: a place that is vaguer than this is no point of a line.
        trail_points: how many points of a trail a page should keep for each device.
        fixes: the one to show for each device.
        trails: by device, the newest points in the order of their time.
        staypoints, trips, anomalies: the most recent ones, newest first.
    """

    schema: Literal[1] = 1
    server_at: Instant
    silence_s: float
    accuracy_max_m: float
    trail_points: int
    devices: list[LiveDevice]
    fixes: list[LiveFix]
    trails: dict[str, list[TrailPoint]]
    staypoints: list[Staypoint]
    trips: list[Trip]
    anomalies: list[Anomaly]


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """What one device did between two moments.

    Attributes:
        segments: lists of points; between two segments the phone was silent and nothing is known.
        fix_count: how many fixes there were, before points were left out.
        vague_count: how many of them were too vague to be points of the line.
        is_simplified: points were left out that change the line little.
        is_cut: there were more fixes than are read at once; the newest are missing.
    """

    device_id: str
    from_at: Instant
    to_at: Instant
    segments: list[list[TrackPoint]]
    fix_count: int
    vague_count: int
    is_simplified: bool
    is_cut: bool


def live_fix(fix: Fix) -> LiveFix:
    """The fix as the page needs it; places to a decimetre."""
    return LiveFix(
        fix_id=fix.fix_id,
        device_id=fix.device_id,
        fixed_at=fix.fixed_at,
        server_at=fix.server_at,
        placed_at=placed_at(fix),
        clock_ok=is_clock_believable(fix),
        latitude_deg=round(fix.latitude_deg, 6),
        longitude_deg=round(fix.longitude_deg, 6),
        speed_mps=fix.speed_mps,
        course_deg=fix.course_deg,
        accuracy_m=fix.accuracy_m,
        battery_pct=fix.battery_pct,
        activity=fix.activity,
    )


def live_device(device: Device) -> LiveDevice:
    """The phone as the page needs it."""
    return LiveDevice(device_id=device.device_id, name=device.name, disabled=device.disabled)
