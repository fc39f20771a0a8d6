"""MongoDB: the client, the names of the collections, and their indexes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient, WriteConcern
from pymongo.database import Database
from pymongo.errors import ConfigurationError, OperationFailure

from itrack.errors import FixConfiguration
from itrack.mobility import Anomaly, Gap, GeofenceVisit, Passage, Staypoint, Trip, Tripleg, Verdict
from itrack.settings import Settings

__all__ = [
    "ANCHORS",
    "ANOMALIES",
    "BOOKMARKS",
    "CROWDS",
    "DEVICES",
    "FINDINGS",
    "FIXES",
    "FLOWS",
    "GAPS",
    "HABIT_ANOMALIES",
    "HOME_WORK",
    "LIVES",
    "PASSAGES",
    "REPAIRS",
    "REPLAYED_LETTERS",
    "RHYTHMS",
    "SET_ASIDE",
    "SLOWEST_WRITE",
    "STAYPOINTS",
    "TRIPLEGS",
    "TRIPS",
    "VERDICTS",
    "VISITS",
    "WAYS",
    "Document",
    "ensure_indexes",
    "open_database",
]

Document = dict[str, Any]

FIXES = "fixes"
"""Every fix as received (`Fix`). Written by the bridge only."""
DEVICES = "devices"
"""Every phone (`Device`). Written by the bridge only."""
SET_ASIDE = "set_aside"
"""What the bridge could not use (`DeadLetter`)."""
REPLAYED_LETTERS = "replayed_letters"
"""Which dead letters of Kafka were replayed, and when; `_id` is the letter's own."""
BOOKMARKS = "bookmarks"
"""Where each part stands in what it reads; `_id` is the part's own name."""
STAYPOINTS = "staypoints"
"""Stops (`Staypoint`). Written by the analytics only, like all below."""
TRIPS = "trips"
TRIPLEGS = "triplegs"
GAPS = "gaps"
VISITS = "geofence_visits"
ANOMALIES = "anomalies"
VERDICTS = "verdicts"
"""Fixes that are set aside, and why (`Verdict`)."""
PASSAGES = "passages"
"""Where people on the move were seen (`Passage`)."""
ANCHORS = "anchors"
"""What was known of a phone before a day began (`Anchor`): where a repair starts."""
REPAIRS = "repairs"
"""Repairs that were asked for and are not done (`Repair`)."""
HABIT_ANOMALIES = "habit_anomalies"
"""What is odd by a person's or a cell's history (`Anomaly`). Written by the judge of habits only, like all below.
Beside `anomalies`, whose writers withdraw what single fixes do not show."""
WAYS = "ways"
"""Where each trip led, by cells (`Way`)."""
RHYTHMS = "rhythms"
"""Days and weeks of people (`Rhythm`). Private."""
HOME_WORK = "home_work"
"""Home and work (`HomeWork`). Private: no part but the judge of habits reads it."""
LIVES = "lives"
"""When time alone may make something known of a person; `_id` is the device's."""
CROWDS = "crowds"
"""People by cell and window, never few (`Crowd`)."""
FLOWS = "flows"
"""People from cell to cell by hour, never few (`Flow`)."""

FINDINGS: dict[type[msgspec.Struct], str] = {
    Staypoint: STAYPOINTS,
    Trip: TRIPS,
    Tripleg: TRIPLEGS,
    Gap: GAPS,
    GeofenceVisit: VISITS,
    Anomaly: ANOMALIES,
    Verdict: VERDICTS,
    Passage: PASSAGES,
}
"""The collection of each kind of finding."""

SLOWEST_WRITE = timedelta(minutes=10)
"""Longer than any write takes from its `stored_at` to its commit: who goes on from a moment begins so much earlier."""


def _for_findings(begins_at: str) -> list[IndexModel]:
    """What each kind of finding that is exported is looked for by; `begins_at` decides its day."""
    return [
        IndexModel([("device_id", ASCENDING), ("judged_at", ASCENDING)], name="judged"),
        IndexModel([("device_id", ASCENDING), (begins_at, ASCENDING)], name="track"),
        IndexModel([(begins_at, DESCENDING)], name="recent"),
    ]


_NEWS = IndexModel([("judged_at", ASCENDING)], name="news")

_INDEXES: dict[str, list[IndexModel]] = {
    FIXES: [
        IndexModel([("device_id", ASCENDING), ("fixed_at", ASCENDING)], name="track"),
        IndexModel([("fixed_at", ASCENDING)], name="day"),
        IndexModel([("stored_at", ASCENDING)], name="arrival"),
    ],
    STAYPOINTS: [
        *_for_findings("started_at"),
        _NEWS,
        IndexModel([("last_fixed_at", ASCENDING)], name="last_fix"),
        IndexModel([("ended_at", ASCENDING)], name="end"),
    ],
    TRIPS: [*_for_findings("started_at"), _NEWS],
    TRIPLEGS: [*_for_findings("started_at"), _NEWS],
    GAPS: [*_for_findings("started_at"), _NEWS],
    VISITS: [*_for_findings("entered_at"), _NEWS],
    ANOMALIES: [*_for_findings("happened_at"), _NEWS],
    VERDICTS: _for_findings("fixed_at"),
    PASSAGES: [
        IndexModel([("device_id", ASCENDING), ("judged_at", ASCENDING)], name="judged"),
        IndexModel([("window_started_at", ASCENDING), ("cell", ASCENDING)], name="window"),
    ],
    ANCHORS: [
        IndexModel([("device_id", ASCENDING), ("base_at", ASCENDING)], name="track"),
        IndexModel([("base_at", ASCENDING)], name="age"),
    ],
    HABIT_ANOMALIES: [
        IndexModel([("device_id", ASCENDING), ("happened_at", ASCENDING)], name="track"),
        IndexModel([("happened_at", DESCENDING)], name="recent"),
    ],
    WAYS: [
        IndexModel([("device_id", ASCENDING), ("started_at", ASCENDING)], name="track"),
        IndexModel([("started_at", ASCENDING)], name="hour"),
    ],
    RHYTHMS: [
        IndexModel([("device_id", ASCENDING), ("ends_at", ASCENDING)], name="track"),
        IndexModel([("starts_at", ASCENDING)], name="age"),
    ],
    HOME_WORK: [IndexModel([("learnt_at", ASCENDING)], name="age")],
    LIVES: [IndexModel([("due_at", ASCENDING)], name="due")],
    CROWDS: [
        IndexModel([("window_started_at", ASCENDING)], name="window"),
        IndexModel([("cell", ASCENDING), ("window_started_at", ASCENDING)], name="history"),
    ],
    FLOWS: [IndexModel([("window_started_at", ASCENDING)], name="window")],
    REPAIRS: [IndexModel([("asked_at", ASCENDING)], name="queue")],
    SET_ASIDE: [IndexModel([("seen_at", ASCENDING)], name="seen")],
    REPLAYED_LETTERS: [IndexModel([("replayed_at", ASCENDING)], name="replay")],
}
_CONFLICTS = {85, 86}
"""`IndexOptionsConflict` and `IndexKeySpecsConflict`."""


def open_database(
    settings: Settings, *, part: str, timeout_s: float = 10.0, answer_s: float | None = None
) -> Database[Document]:
    """The database, with aware UTC dates, majority reads and journalled majority writes.

    The connection is made at the first call; `database.client.close()` ends it.

    Args:
        settings: where it is.
        part: who asks, for MongoDB's own log.
        timeout_s: how long to look for a primary, and to wait for a connection.
        answer_s: how long to wait for the answer to any one command, where `asking_mongodb` sets no shorter time: for
            the next part of a change stream, or an index. Without it such a command waits until the operating system
            notices that its connection has died without a sign, which takes minutes.

    Raises:
        FixConfiguration: the address is none.
    """
    try:
        client: MongoClient[Document] = MongoClient(
            settings.mongodb_address,
            appname=f"itrack-{part}",
            serverSelectionTimeoutMS=int(timeout_s * 1000),
            connectTimeoutMS=int(timeout_s * 1000),
            socketTimeoutMS=None if answer_s is None else int(answer_s * 1000),
            retryWrites=True,
            readConcernLevel="majority",
        )
    except (ConfigurationError, ValueError) as error:  # the message may quote a password: only its kind is told
        raise FixConfiguration(f"ITRACK_MONGODB_URI is no address of a MongoDB ({type(error).__name__}).") from None
    return client.get_database(
        settings.mongodb_database,
        codec_options=CodecOptions(tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_CLAMP),
        write_concern=WriteConcern(w="majority", j=True),
    )


def ensure_indexes(database: Database[Document]) -> None:
    """Create every index that is missing. Safe to repeat, cheap when there is nothing to do.

    Raises:
        FixConfiguration: another index stands where one is needed; it is left as it is.
        PyMongoError: MongoDB is away.
    """
    for collection, indexes in _INDEXES.items():
        for index in indexes:
            try:
                database[collection].create_indexes([index])
            except OperationFailure as error:
                if error.code not in _CONFLICTS:
                    raise
                wanted = ", ".join(f"{field}: {order}" for field, order in index.document["key"].items())
                raise FixConfiguration(
                    f"I-Track needs the index {index.document['name']} on ({wanted}) of {collection}, and another one "
                    f"is in its way: {(error.details or {}).get('errmsg')} Nothing was changed. What to do: "
                    f"docs/start-admin.md, Indexes."
                ) from error
