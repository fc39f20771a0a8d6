"""Deleting, a few thousand documents at a time.

Fixes go by `stored_at`, MongoDB's own clock when the bridge wrote them: by a phone's clock, a fix of 1901 would go at
once and one of 2099 never. A verdict goes with its fix. What was found in several fixes goes once none is left of the
device and the time that it speaks of. So the past of a phone that was offline for long, or a recording from years ago,
stays as long as anything else.

An anchor goes before the first fix after it does: a repair that went on from it would take the absence of that fix for
silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from itrack.batches import in_batches
from itrack.mongo import (
    ANCHORS,
    ANOMALIES,
    CROWDS,
    FIXES,
    FLOWS,
    GAPS,
    HABIT_ANOMALIES,
    HOME_WORK,
    PASSAGES,
    REPLAYED_LETTERS,
    RHYTHMS,
    SET_ASIDE,
    STAYPOINTS,
    TRIPLEGS,
    TRIPS,
    VERDICTS,
    VISITS,
    WAYS,
    Document,
)
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from retention.limits import Limit

__all__ = ["AGED", "SPANS", "sweep"]

SPANS = {
    STAYPOINTS: ("started_at", "last_fixed_at"),
    TRIPS: ("started_at", "ended_at"),
    TRIPLEGS: ("started_at", "ended_at"),
    GAPS: ("started_at", "ended_at"),
    VISITS: ("entered_at", "exited_at"),
    ANOMALIES: ("happened_at", "judged_at"),
    PASSAGES: ("window_started_at", "judged_at"),
    HABIT_ANOMALIES: ("happened_at", "judged_at"),
    WAYS: ("started_at", "started_at"),
    RHYTHMS: ("starts_at", "ends_at"),
}
"""Collections of what was found in several fixes, and the fields that say from when to when; null is now."""

AGED = {
    SET_ASIDE: "seen_at",
    REPLAYED_LETTERS: "replayed_at",
    CROWDS: "window_started_at",
    FLOWS: "window_started_at",
    HOME_WORK: "learnt_at",
}
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
    act = _count if is_trial else _delete
    for names, found in _over(database, settings, limit):
        counts = dict.fromkeys(names, 0)
        with asking_mongodb(f"empty {names[-1]} of what is old"):
            for ids in in_batches((each["_id"] for each in found), _AT_ONCE):
                check()
                for name in names:
                    counts[name] += act(database[name], ids)
        yield from counts.items()


def _over(
    database: Database[Document], settings: Settings, limit: Limit
) -> Iterator[tuple[tuple[str, ...], Iterable[Document]]]:
    """Identifiers of what is over the limit, and the collections to delete them from, one after another."""
    only_id = {"_id": 1}
    if limit.before_at is not None:
        old: Document = {"$lt": limit.before_at}
        others: Document = {"device_id": {"$nin": list(limit.spared)}} if limit.spared else {}
        yield (ANCHORS,), database[ANCHORS].aggregate(_before_old_fixes({"base_at": old} | others, limit.before_at))
        old_fixes = database[FIXES].find({"stored_at": old} | others, only_id, sort=[("stored_at", 1)])
        yield (VERDICTS, FIXES), old_fixes  # a verdict whose fix is gone would never go
        for name, (first, last) in SPANS.items():
            yield (name,), database[name].aggregate(_without_fixes({first: old} | others, first, last, limit.before_at))
    kept_by_kafka = timedelta(hours=settings.kafka_retention_hours)
    for name, field in AGED.items():
        before_at = limit.wanted_at
        if name == REPLAYED_LETTERS:
            before_at = min(before_at, limit.now_at - kept_by_kafka)
        yield (name,), database[name].find({field: {"$lt": before_at}}, only_id, sort=[(field, 1)])


def _without_fixes(wanted: Document, first: str, last: str, before_at: datetime) -> list[Document]:
    """The wanted findings of whose time no fix is left once the old ones are gone."""
    last_at = {"$ifNull": [f"${last}", "$$NOW"]}
    of_its_time = [{"$gte": ["$fixed_at", "$$first_at"]}, {"$lte": ["$fixed_at", "$$last_at"]}]
    look = _look_for_a_fix(f"${first}", last_at, of_its_time, {"$not": {"$lt": before_at}})
    return [{"$match": wanted}, look, {"$match": {"fixes": []}}, {"$project": {"_id": 1}}]


def _before_old_fixes(wanted: Document, before_at: datetime) -> list[Document]:
    """The wanted anchors after which there is a fix that goes."""
    after_it = [{"$gt": ["$fixed_at", "$$first_at"]}, {"$lt": ["$fixed_at", "$$last_at"]}]
    look = _look_for_a_fix("$base_at", before_at, after_it, {"$lt": before_at})
    return [{"$match": wanted}, look, {"$match": {"fixes": {"$ne": []}}}, {"$project": {"_id": 1}}]


def _look_for_a_fix(first_at: object, last_at: object, of_time: list[Document], stored: Document) -> Document:
    """A stage that adds `fixes`: one of the device between two moments that was stored then, if there is one."""
    of_device = {"$eq": ["$device_id", "$$device_id"]}
    return {
        "$lookup": {
            "from": FIXES,
            "let": {"device_id": "$device_id", "first_at": first_at, "last_at": last_at},
            "pipeline": [
                {"$match": {"$expr": {"$and": [of_device, *of_time]}, "stored_at": stored}},
                {"$limit": 1},
                {"$project": {"_id": 1}},
            ],
            "as": "fixes",
        }
    }


def _count(collection: Collection[Document], ids: list[Any]) -> int:
    return collection.count_documents({"_id": {"$in": ids}})


def _delete(collection: Collection[Document], ids: list[Any]) -> int:
    return collection.delete_many({"_id": {"$in": ids}}).deleted_count
