"""Deleting, a few thousand documents at a time.

Fixes go by `stored_at`, MongoDB's own clock when the bridge wrote them: by a phone's clock, a fix of 1901 would go at
once and one of 2099 never. What was found in fixes goes with them: once none is left of the device and the time that a
finding speaks of. So the past of a phone that was offline for long, or a recording from years ago, stays as long as
anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from itrack.mongo import (
    ANOMALIES,
    CELL_COUNTS,
    FIXES,
    GAPS,
    REPLAYED_LETTERS,
    SET_ASIDE,
    STAYPOINTS,
    TRIPS,
    Document,
)
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from retention.limits import Limit

__all__ = ["AGED", "FINDINGS", "sweep"]

FINDINGS = {
    STAYPOINTS: ("started_at", "last_fixed_at"),
    TRIPS: ("started_at", "ended_at"),
    GAPS: ("started_at", "ended_at"),
    ANOMALIES: ("happened_at", "happened_at"),
}
"""Collections of findings about a device, and the fields that say from when to when."""

AGED = {CELL_COUNTS: "window_started_at", SET_ASIDE: "seen_at", REPLAYED_LETTERS: "replayed_at"}
"""Collections that go by their own age, and the field that tells it."""

_AT_ONCE = 5_000


def sweep(
    database: Database[Document],
    settings: Settings,
    limit: Limit,
    *,
    is_trial: bool,
    check: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, int]]:
    """Delete what is over the limit; each collection with how many of its documents went, or would go in a trial.

    Args:
        database: of the project.
        settings: how long Kafka keeps letters, whose replay is remembered as long.
        limit: for fixes.
        is_trial: only count.
        check: called before each few thousand documents; may raise to stop.

    Raises:
        TryAgain: MongoDB is away; what is done stays done.
    """
    for collection, found in _over(database, settings, limit):
        count = 0
        with asking_mongodb(f"empty {collection} of what is old"):
            for ids in _some_at_once(each["_id"] for each in found):
                check()
                count += len(ids) if is_trial else _delete(database[collection], ids)
        yield collection, count


def _over(database: Database[Document], settings: Settings, limit: Limit) -> Iterator[tuple[str, Iterable[Document]]]:
    """Identifiers of what is over the limit, fixes first."""
    only_id = {"_id": 1}
    if limit.before_at is not None:
        yield FIXES, database[FIXES].find({"stored_at": {"$lt": limit.before_at}}, only_id, sort=[("stored_at", 1)])
        for name, (first, last) in FINDINGS.items():
            yield name, database[name].aggregate(_without_fixes(first, last, limit.before_at))
    kept_by_kafka = timedelta(hours=settings.kafka_retention_hours)
    for name, field in AGED.items():
        before_at = limit.wanted_at
        if name == REPLAYED_LETTERS:
            before_at = min(before_at, limit.now_at - kept_by_kafka)
        yield name, database[name].find({field: {"$lt": before_at}}, only_id, sort=[(field, 1)])


def _without_fixes(first: str, last: str, before_at: datetime) -> list[dict[str, Any]]:
    """Findings that ended before the limit and of whose time no fix is left behind it."""
    of_its_time = [
        {"$eq": ["$device_id", "$$device_id"]},
        {"$gte": ["$fixed_at", "$$first_at"]},
        {"$lte": ["$fixed_at", "$$last_at"]},
    ]
    return [
        {"$match": {last: {"$lt": before_at}}},
        {
            "$lookup": {
                "from": FIXES,
                "let": {"device_id": "$device_id", "first_at": f"${first}", "last_at": f"${last}"},
                "pipeline": [
                    {"$match": {"$expr": {"$and": of_its_time}, "stored_at": {"$gte": before_at}}},
                    {"$limit": 1},
                    {"$project": {"_id": 1}},
                ],
                "as": "fixes",
            }
        },
        {"$match": {"fixes": []}},
        {"$project": {"_id": 1}},
    ]


def _some_at_once(ids: Iterable[Any]) -> Iterator[list[Any]]:
    remaining = iter(ids)
    while some := list(islice(remaining, _AT_ONCE)):
        yield some


def _delete(collection: Collection[Document], ids: list[Any]) -> int:
    return collection.delete_many({"_id": {"$in": ids}}).deleted_count
