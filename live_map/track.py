"""One device's track between two moments, with no more points than a page can draw well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import shapely
from pymongo import ASCENDING
from pymongo.database import Database

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mongo import FIXES, Document
from itrack.mongo_errors import asking_mongodb
from itrack.wire import fix_of_document
from live_map.frames import Track, TrackPoint
from live_map.metrics import SET_ASIDE
from live_map.placing import SILENCE_S, is_drawable, is_in_line

__all__ = ["POINT_BUDGET", "read_track", "segments_of", "simplify"]

POINT_BUDGET = 2000
_MOST_FIXES = 100_000
"""A day with more than one fix a second."""
_WITHIN_S = 20.0
_METRES_PER_DEGREE = 111_195.0


def read_track(database: Database[Document], device_id: str, from_at: datetime, to_at: datetime) -> Track:
    """The device's fixes with `from_at <= fixed_at <= to_at`, simplified to `POINT_BUDGET` points.

    Raises:
        TryAgain: MongoDB is away.
    """
    wanted = {"device_id": device_id, "fixed_at": {"$gte": from_at, "$lte": to_at}}
    fixes = []
    with asking_mongodb("read a track", within_s=_WITHIN_S):
        cursor = database[FIXES].find(wanted, {"attributes_json": 0}).sort([("device_id", 1), ("fixed_at", ASCENDING)])
        for document in cursor.hint("track").limit(_MOST_FIXES + 1).batch_size(5000):
            try:
                fixes.append(fix_of_document(document))
            except SetAside as unreadable:
                SET_ASIDE.labels(unreadable.reason).inc()
    is_cut = len(fixes) > _MOST_FIXES
    fixes = fixes[:_MOST_FIXES]
    whole = segments_of(fixes)
    simple = simplify(whole, POINT_BUDGET)
    return Track(
        device_id=device_id,
        from_at=from_at,
        to_at=to_at,
        segments=simple,
        fix_count=len(fixes),
        vague_count=sum(is_drawable(fix) and not is_in_line(fix) for fix in fixes),
        is_simplified=sum(map(len, simple)) < sum(map(len, whole)),
        is_cut=is_cut,
    )


def segments_of(fixes: Sequence[Fix]) -> list[list[TrackPoint]]:
    """The fixes that may be points of a line, in the order of their time, split where the phone was silent."""
    segments: list[list[TrackPoint]] = []
    for fix in sorted(filter(is_in_line, fixes), key=lambda fix: (fix.fixed_at, fix.server_at)):
        at_ms = int(fix.fixed_at.timestamp() * 1000)
        if not segments or at_ms - segments[-1][-1][0] > SILENCE_S * 1000:
            segments.append([])
        segments[-1].append(
            (at_ms, round(fix.latitude_deg, 6), round(fix.longitude_deg, 6), fix.speed_mps, fix.accuracy_m)
        )
    return segments


def simplify(segments: list[list[TrackPoint]], budget: int) -> list[list[TrackPoint]]:
    """Leave points out (Douglas-Peucker) until at most `budget` are left, or one or two for each segment.

    The tolerance begins at one metre and doubles. Points that stay are fixes as they were.
    """
    tolerance_m = 1.0
    simple = segments
    while sum(map(len, simple)) > budget and any(len(segment) > 2 for segment in simple):
        simple = [_simplify_one(segment, tolerance_m) for segment in segments]
        tolerance_m *= 2
    return simple


def _simplify_one(segment: list[TrackPoint], tolerance_m: float) -> list[TrackPoint]:
    if len(segment) <= 2:
        return segment
    narrowing = math.cos(math.radians(segment[0][1]))
    # The third coordinate carries the number of the point, which the algorithm keeps and does not measure by.
    line = shapely.LineString(
        [
            (longitude * _METRES_PER_DEGREE * narrowing, latitude * _METRES_PER_DEGREE, number)
            for number, (_, latitude, longitude, *_rest) in enumerate(segment)
        ]
    )
    kept = shapely.get_coordinates(line.simplify(tolerance_m, preserve_topology=False), include_z=True)[:, 2]
    return [segment[int(number)] for number in kept]
