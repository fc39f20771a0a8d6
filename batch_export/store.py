"""What the export reads from MongoDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec
from pymongo.collection import Collection
from pymongo.database import Database

from batch_export.tables import TABLES, Table
from itrack.batches import in_batches
from itrack.day import Day
from itrack.errors import SetAside
from itrack.mongo import ANOMALIES, DEVICES, FIXES, GAPS, STAYPOINTS, TRIPLEGS, TRIPS, VISITS, Document
from itrack.wire import fix_of_document, struct_of_document

__all__ = ["changed_days", "count", "days_with_fixes", "device_names", "records"]

_BY_DEVICE = "track"
_DEVICES_AT_ONCE = 500
_CHANGED_BY = {
    FIXES: ("stored_at",),
    STAYPOINTS: ("judged_at", "last_fixed_at"),
    TRIPS: ("judged_at",),
    TRIPLEGS: ("judged_at",),
    GAPS: ("judged_at",),
    VISITS: ("judged_at",),
    ANOMALIES: ("judged_at",),
}
"""What tells that a row is new or has changed; a verdict comes with its fix."""


def count(database: Database[Document], table: Table, day: Day) -> int:
    """How many documents of a table belong to the day."""
    return database[table.collection].count_documents(_of_day(table, day))


def records(database: Database[Document], table: Table, day: Day) -> Iterator[msgspec.Struct | SetAside]:
    """The day's records, device by device in time; a `SetAside` for a document that is not what it should be."""
    collection = database[table.collection]
    for device_ids in in_batches(_device_ids(collection), _DEVICES_AT_ONCE):
        found = collection.find(
            {"device_id": {"$in": device_ids}} | _of_day(table, day),
            sort=[("device_id", 1), (table.day_field, 1)],
            hint=_BY_DEVICE,
            batch_size=2_000,
        )
        with found as cursor:
            for document in _in_order(cursor, table.day_field):
                try:
                    if table.collection == FIXES:
                        yield fix_of_document(document)
                    else:
                        yield struct_of_document(document, table.record)
                except SetAside as error:
                    yield error


def _device_ids(collection: Collection[Document]) -> list[Any]:
    """Every device of a collection, in order: one look into the index for each."""
    groups = collection.aggregate([{"$sort": {"device_id": 1}}, {"$group": {"_id": "$device_id"}}], hint=_BY_DEVICE)
    return sorted((group["_id"] for group in groups), key=lambda each: (not isinstance(each, str), str(each)))


def _in_order(documents: Iterable[Document], day_field: str) -> Iterator[Document]:
    """The same documents; those of one device and moment by identifier, which the index leaves open."""
    for _, same in groupby(documents, key=lambda each: (each.get("device_id"), each.get(day_field))):
        yield from sorted(same, key=lambda each: str(each["_id"]))


def device_names(database: Database[Document]) -> dict[str, str]:
    """What people called their phones, by device id. Hostile text."""
    return {
        document["_id"]: name
        for document in database[DEVICES].find({}, {"name": True})
        if isinstance(name := document.get("name"), str)
    }


def days_with_fixes(database: Database[Document], zone: str) -> Iterator[Day]:
    """Every day that has a fix, in order: one short index look-up a day."""
    bound: dict[str, Any] = {"$type": "date"}
    while True:
        first = database[FIXES].find_one({"fixed_at": bound}, {"fixed_at": True}, sort=[("fixed_at", 1)])
        if first is None:
            return
        day = Day.of(first["fixed_at"], zone)
        yield day
        bound = {"$gte": day.ends_at}


def changed_days(database: Database[Document], since_at: datetime, zone: str) -> set[Day]:
    """Days that got something new since a moment: a late fix, or what was found by one since."""
    days: set[Day] = set()
    for table in TABLES:
        for field in _CHANGED_BY.get(table.collection, ()):
            found = database[table.collection].aggregate(
                [
                    {"$match": {field: {"$gte": since_at}, table.day_field: {"$type": "date"}}},
                    {"$group": {"_id": {"$dateTrunc": {"date": f"${table.day_field}", "unit": "hour"}}}},
                ]
            )
            for hour in found:
                begins_at: datetime = hour["_id"]
                days.add(Day.of(begins_at, zone))
                # A zone's midnight may fall within the hour: then it belongs to two days.
                last_at = begins_at.astimezone(UTC).replace(minute=59, second=59, microsecond=999_000)
                days.add(Day.of(last_at, zone))
    return days


def _of_day(table: Table, day: Day) -> dict[str, Any]:
    return {table.day_field: {"$gte": day.starts_at, "$lt": day.ends_at}}
