"""What a page needs to begin, read from MongoDB in a handful of bounded, indexed reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from pymongo import DESCENDING
from pymongo.database import Database

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mobility import Anomaly, Staypoint, Trip
from itrack.mongo import ANOMALIES, FIXES, HABIT_ANOMALIES, STAYPOINTS, TRIPS, Document
from itrack.mongo_errors import asking_mongodb
from itrack.trajectory.quality import EARLIEST_AT
from itrack.wire import fix_of_document, struct_of_document
from live_map.frames import State, TrailPoint, live_fix
from live_map.metrics import SET_ASIDE, STATE_SECONDS
from live_map.placing import (
    ACCURACY_MAX_M,
    SILENCE_S,
    is_clock_believable,
    is_drawable,
    is_in_line,
    is_newer,
    placed_at,
)
from live_map.roster import MOST_DEVICES, read_devices

__all__ = ["newest_fixes", "read_state", "trails_of"]

_TRAIL_BUDGET = 20_000
"""Points of all trails together."""
_RECENT_THINGS = 1000
_RECENT_ANOMALIES = 200
_NOT_NEEDED = {"attributes_json": 0}

_WITHIN_S = 20.0

S = TypeVar("S", bound=msgspec.Struct)


def read_state(database: Database[Document]) -> State:
    """The state of now.

    Raises:
        TryAgain: MongoDB is away.
    """
    server_at = datetime.now(UTC)
    with STATE_SECONDS.time(), asking_mongodb("read the state of the map", within_s=_WITHIN_S):
        devices = read_devices(database)
        arrivals = _recent_arrivals(database)
        newest = newest_fixes([*arrivals, *_newest_by_clock(database)])
        trail_points = min(500, max(20, _TRAIL_BUDGET // max(1, len(newest))))
        return State(
            server_at=server_at,
            silence_s=SILENCE_S,
            accuracy_max_m=ACCURACY_MAX_M,
            trail_points=trail_points,
            devices=devices,
            fixes=[live_fix(fix) for fix in newest.values()],
            trails=trails_of(arrivals, trail_points),
            staypoints=_recent(database, STAYPOINTS, Staypoint, "started_at", _RECENT_THINGS),
            trips=_recent(database, TRIPS, Trip, "started_at", _RECENT_THINGS),
            anomalies=_recent_anomalies(database),
        )


def _recent_anomalies(database: Database[Document]) -> list[Anomaly]:
    """What single fixes showed and what people's habits did, newest first."""
    found = [
        anomaly
        for collection in (ANOMALIES, HABIT_ANOMALIES)
        for anomaly in _recent(database, collection, Anomaly, "happened_at", _RECENT_ANOMALIES)
    ]
    return sorted(found, key=lambda anomaly: anomaly.happened_at, reverse=True)[:_RECENT_ANOMALIES]


def newest_fixes(fixes: Iterable[Fix]) -> dict[str, Fix]:
    """By device, the fix to show (see `live_map.placing`)."""
    newest: dict[str, Fix] = {}
    for fix in sorted((fix for fix in fixes if is_drawable(fix)), key=lambda fix: fix.server_at):
        shown = newest.get(fix.device_id)
        if shown is None or is_newer(fix, shown):
            newest[fix.device_id] = fix
    return newest


def trails_of(fixes: Iterable[Fix], trail_points: int) -> dict[str, list[TrailPoint]]:
    """By device, at most so many of its newest points in the order of their time, each moment once."""
    points: dict[str, dict[int, TrailPoint]] = {}
    for fix in fixes:
        if is_in_line(fix):
            at_ms = int(placed_at(fix).timestamp() * 1000)
            point = (at_ms, round(fix.latitude_deg, 6), round(fix.longitude_deg, 6))
            points.setdefault(fix.device_id, {}).setdefault(at_ms, point)
    return {device_id: sorted(of_device.values())[-trail_points:] for device_id, of_device in points.items()}


def _recent_arrivals(database: Database[Document]) -> list[Fix]:
    """The fixes that were stored last, whatever their clocks say, newest first."""
    cursor = database[FIXES].find({}, _NOT_NEEDED).sort("stored_at", DESCENDING).limit(_TRAIL_BUDGET)
    return _fixes(cursor.hint("arrival").batch_size(5000))


def _newest_by_clock(database: Database[Document]) -> list[Fix]:
    """Each device's fix with the latest clock and, where that clock cannot be believed, the latest that can.

    The group over the sorted index is a scan of distinct devices: it touches one index key for each.
    """
    groups = database[FIXES].aggregate(
        [
            {"$sort": {"device_id": -1, "fixed_at": -1}},
            {"$group": {"_id": "$device_id", "fix": {"$first": "$$ROOT"}}},
            {"$limit": MOST_DEVICES},
            {"$project": {"fix.attributes_json": 0}},
        ],
        hint="track",
    )
    found = _fixes(group["fix"] for group in groups)
    doubtful = [fix.device_id for fix in found if not (is_clock_believable(fix) and is_drawable(fix))]
    for device_id in doubtful:
        believable = {"device_id": device_id, "fixed_at": {"$gte": EARLIEST_AT, "$lte": datetime.now(UTC)}}
        found += _fixes(database[FIXES].find(believable, _NOT_NEEDED).sort("fixed_at", DESCENDING).limit(1))
    return found


def _fixes(documents: Iterable[Document]) -> list[Fix]:
    fixes = []
    for document in documents:
        try:
            fixes.append(fix_of_document(document))
        except SetAside as unreadable:
            SET_ASIDE.labels(unreadable.reason).inc()
    return fixes


def _recent(database: Database[Document], collection: str, kind: type[S], time_field: str, most: int) -> list[S]:
    found: list[S] = []
    documents: Iterable[dict[str, Any]] = (
        database[collection].find({}).sort(time_field, DESCENDING).limit(most).hint("recent")
    )
    for document in documents:
        try:
            found.append(struct_of_document(document, kind))
        except SetAside as unreadable:
            SET_ASIDE.labels(unreadable.reason).inc()
    return found
