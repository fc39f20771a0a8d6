"""`itrack replay`: recorded tracks sent to Traccar again, as if the phones were walking now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from itrack.settings import Settings
from simulator.delivery import Delivery, Planned, deliver
from simulator.osmand_forms import Form
from simulator.registration import Registration, register_devices
from simulator.tracks import Track

__all__ = ["Pace", "ReplayResult", "plan_replay", "replay"]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a replay goes; neither means as fast as Traccar takes it.

    Attributes:
        speed: recorded seconds per second; 1 is as it was. Every track starts at once.
        rate: reports per second over all phones.
    """

    speed: float | None = None
    rate: float | None = None


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay sent.

    Attributes:
        planned: points in the tracks.
        sent: reports that Traccar judged: `accepted` + `refused`.
        accepted: answered with 200.
        refused: not so; `reasons` counts them by HTTP status, or `closed` for a connection closed without an answer.
        unsent: left when the replay was stopped.
        devices: unique ids that reported.
        registration: what came of registering them.
        began_at, ended_at: of the sending.
    """

    planned: int
    sent: int
    accepted: int
    refused: int
    reasons: dict[str, int]
    unsent: int
    devices: tuple[str, ...]
    registration: Registration
    began_at: datetime
    ended_at: datetime


def replay(
    tracks: Sequence[Track],
    settings: Settings,
    *,
    pace: Pace | None = None,
    shift_to_now: bool = False,
    device_prefix: str = "",
    form: Form = Form.QUERY,
    register: bool = True,
    patience_s: float | None = 120.0,
    on_progress: Callable[[Delivery], None] | None = None,
    stopping: threading.Event | None = None,
) -> ReplayResult:
    """Send tracks to the Traccar of the settings, each over a connection of its own, in order of time.

    Args:
        tracks: what to send.
        settings: where to, and how to sign in for registering.
        pace: how fast.
        shift_to_now: move each track in time as a whole, so that its last point is measured when it is sent.
        device_prefix: begins every unique id; the track's name follows.
        form: how reports are worded.
        register: create devices that Traccar does not know, where a sign-in is set.
        patience_s: how long Traccar may stay away; None is for ever.
        on_progress: called after each report.
        stopping: ends the replay early when set.

    Raises:
        TryAgain: Traccar stayed away.
        FixConfiguration: Traccar refuses the sign-in.
    """
    plans = {
        f"{device_prefix}{name}": plan
        for name, plan in plan_replay(
            tracks, pace or Pace(), shift_to=datetime.now(UTC) if shift_to_now else None
        ).items()
    }
    registration = register_devices(plans, settings) if register else Registration(sentence="Registering is off.")
    delivery = deliver(
        plans,
        settings.osmand_address,
        form=form,
        patience_s=patience_s,
        on_progress=on_progress,
        stopping=stopping,
    )
    return ReplayResult(
        planned=delivery.planned,
        sent=delivery.sent,
        accepted=delivery.accepted,
        refused=delivery.refused.total(),
        reasons=dict(delivery.refused),
        unsent=delivery.unsent,
        devices=tuple(plans),
        registration=registration,
        began_at=delivery.began_at,
        ended_at=delivery.ended_at or datetime.now(UTC),
    )


def plan_replay(tracks: Sequence[Track], pace: Pace, shift_to: datetime | None = None) -> dict[str, list[Planned]]:
    """When each point leaves, by track name; tracks of one name become one. Pure.

    Args:
        tracks: what to send.
        pace: how fast.
        shift_to: the moment the replay begins, to move times so that each track's last point is measured when it is
            sent, and none in the future; None leaves times as recorded.
    """
    by_name: dict[str, Track] = {}
    for track in tracks:
        earlier = by_name[track.name].points if track.name in by_name else ()
        points = tuple(sorted(earlier + track.points, key=lambda point: point.measured_at))
        by_name[track.name] = Track(name=track.name, points=points)
    due_s = _due_by_rate(list(by_name.values()), pace.rate) if pace.rate else _due_by_speed(by_name, pace.speed)
    plans: dict[str, list[Planned]] = {}
    for name, track in by_name.items():
        shift = timedelta()
        if shift_to is not None:
            shift = shift_to + timedelta(seconds=due_s[name][-1]) - track.points[-1].measured_at
        plans[name] = [
            Planned(due_s=due, point=msgspec.structs.replace(point, measured_at=point.measured_at + shift))
            for due, point in zip(due_s[name], track.points, strict=True)
        ]
    return plans


def _due_by_speed(tracks: dict[str, Track], speed: float | None) -> dict[str, list[float]]:
    return {
        name: [
            (point.measured_at - track.points[0].measured_at).total_seconds() / speed if speed else 0.0
            for point in track.points
        ]
        for name, track in tracks.items()
    }


def _due_by_rate(tracks: Sequence[Track], rate: float) -> dict[str, list[float]]:
    """Reports leave 1/rate seconds apart; each track is spread evenly over the whole replay."""
    order = sorted(
        (place / len(track.points), at, track.name)
        for at, track in enumerate(tracks)
        for place in range(len(track.points))
    )
    due_s: dict[str, list[float]] = {track.name: [] for track in tracks}
    for number, (_, _, name) in enumerate(order):
        due_s[name].append(number / rate)
    return due_s
