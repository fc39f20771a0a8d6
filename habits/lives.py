"""A person's rows in MongoDB, read as a life; the ways of their trips are kept by cells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import h3
import msgspec
from pymongo import DeleteOne, ReplaceOne
from pymongo.database import Database

from habits.metrics import SET_ASIDE
from itrack.errors import SetAside
from itrack.habits.life import Life, Way
from itrack.mobility import Staypoint, Trip, Tripleg
from itrack.mongo import PASSAGES, STAYPOINTS, TRIPLEGS, TRIPS, WAYS, Document
from itrack.wire import document_of, struct_of_document

__all__ = ["first_at", "read", "read_life"]

S = TypeVar("S", bound=msgspec.Struct)


def read_life(
    database: Database[Document],
    device_id: str,
    zone: ZoneInfo,
    needed_at: datetime,
    *,
    since_at: datetime,
    resolution: int,
) -> Life:
    """The rows of a device that end after `needed_at`, as MongoDB has them now.

    The ways of trips since `since_at`, and of all others that have none yet, are made of their passages anew and kept.
    """
    of_device: Document = {"device_id": device_id}
    ends = of_device | {"$or": [{"ended_at": None}, {"ended_at": {"$gt": needed_at}}]}
    stays = list(read(database, STAYPOINTS, ends, Staypoint))
    trips = list(read(database, TRIPS, of_device | {"ended_at": {"$gt": needed_at}}, Trip))
    legs = read(database, TRIPLEGS, of_device | {"ended_at": {"$gt": needed_at}}, Tripleg)
    known = {way.trip_id: way for way in read(database, WAYS, of_device, Way)}
    ways = {trip.trip_id: known[trip.trip_id] for trip in trips if trip.trip_id in known and trip.ended_at <= since_at}
    cell_of = {
        stay.staypoint_id: h3.latlng_to_cell(stay.latitude_deg, stay.longitude_deg, resolution) for stay in stays
    }
    writes: list[Any] = []
    for trip in trips:
        if trip.trip_id not in ways:
            way = _way_of(database, trip, cell_of)
            ways[trip.trip_id] = way
            if known.get(trip.trip_id) != way:
                writes.append(ReplaceOne({"_id": way.trip_id}, document_of(way), upsert=True))
    there = {trip.trip_id for trip in trips}
    writes += [DeleteOne({"_id": each}) for each, way in known.items() if each not in there]
    if writes:
        database[WAYS].bulk_write(writes, ordered=False)
    return Life(device_id, zone, stays=stays, trips=trips, legs=legs, ways=ways)


def first_at(database: Database[Document], device_id: str) -> datetime | None:
    """When the first stay or trip of a device began; None when it has none."""
    firsts = [
        document["started_at"]
        for collection in (STAYPOINTS, TRIPS)
        if (document := database[collection].find_one({"device_id": device_id}, sort=[("started_at", 1)])) is not None
    ]
    return min(firsts, default=None)


def read(database: Database[Document], collection: str, wanted: Document, kind: type[S]) -> Iterator[S]:
    """Structs of a kind; what another version of the program has written is counted and left out."""
    for document in database[collection].find(wanted):
        try:
            yield struct_of_document(document, kind)
        except SetAside as error:
            SET_ASIDE.labels(error.reason).inc()


def _way_of(database: Database[Document], trip: Trip, cell_of: dict[str, str]) -> Way:
    within = {"device_id": trip.device_id, "judged_at": {"$gte": trip.started_at, "$lte": trip.ended_at}}
    seen = [each["cell"] for each in database[PASSAGES].find(within, {"cell": 1}, sort=[("judged_at", 1)])]
    runs = [(cell, len(list(times))) for cell, times in groupby(seen)]
    return Way(
        trip_id=trip.trip_id,
        device_id=trip.device_id,
        started_at=trip.started_at,
        from_cell=cell_of.get(trip.from_staypoint_id or ""),
        to_cell=cell_of.get(trip.to_staypoint_id or ""),
        cells=tuple(cell for cell, _ in runs),
        passages=tuple(times for _, times in runs),
    )
