"""People counted by cells, window after window; a window is counted again when something of it comes late."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReplaceOne
from pymongo.database import Database

from habits.lives import read
from habits.metrics import COUNTED_UNTIL, WINDOWS
from habits.person import Tell, replace_anomalies, rules_of
from itrack.day import find_zone
from itrack.habits.crowds import Crowd, count_crowds, count_flows
from itrack.habits.judge import anomaly_of
from itrack.habits.life import Way
from itrack.habits.presence import presence_of
from itrack.habits.surge import SURGE_DAYS, CellHistory, cell_subject
from itrack.habits.windows import window_of, windows_between
from itrack.mobility import Staypoint
from itrack.mongo import BOOKMARKS, CROWDS, FLOWS, PASSAGES, STAYPOINTS, WAYS, Document
from itrack.settings import Settings
from itrack.wire import document_of

__all__ = ["FLOW_WINDOW_S", "count_new", "count_since"]

FLOW_WINDOW_S = 3600
_BOOKMARK = "habits-crowds"
"""`_id` of the bookmark: `since_at` (windows before were never counted) and `until_at`."""
_MOST_AT_ONCE = timedelta(hours=2)


def count_new(database: Database[Document], settings: Settings, now: datetime, tell: Tell) -> None:
    """Count the windows that ended `crowd_delay_s` ago or earlier and are not counted; some hours at most at once.

    Raises:
        PyMongoError: MongoDB is away.
    """
    closed_at = window_of(now - timedelta(seconds=settings.crowd_delay_s), settings.density_window_s)
    bookmark = database[BOOKMARKS].find_one({"_id": _BOOKMARK})
    if bookmark is None:
        bookmark = {"_id": _BOOKMARK, "since_at": closed_at, "until_at": closed_at}
    until_at = min(closed_at, bookmark["until_at"] + _MOST_AT_ONCE)
    if until_at > bookmark["until_at"]:
        _count(database, settings, bookmark["since_at"], since_at=bookmark["until_at"], until_at=until_at, tell=tell)
    database[BOOKMARKS].replace_one({"_id": _BOOKMARK}, bookmark | {"until_at": until_at}, upsert=True)
    COUNTED_UNTIL.set(until_at.timestamp())


def count_since(
    database: Database[Document], settings: Settings, since_at: datetime, to_at: datetime, tell: Tell
) -> None:
    """Count again what was counted between two moments.

    Raises:
        PyMongoError: MongoDB is away.
    """
    bookmark = database[BOOKMARKS].find_one({"_id": _BOOKMARK})
    if bookmark is None:
        return
    at, to_at = max(since_at, bookmark["since_at"]), min(to_at, bookmark["until_at"])
    while at < to_at:
        next_at = min(to_at, at + _MOST_AT_ONCE)
        _count(database, settings, bookmark["since_at"], since_at=at, until_at=next_at, tell=tell)
        at = next_at


def _count(
    database: Database[Document],
    settings: Settings,
    counted_since_at: datetime,
    *,
    since_at: datetime,
    until_at: datetime,
    tell: Tell,
) -> None:
    window_s, least = settings.density_window_s, settings.people_least
    starts = list(windows_between(since_at, until_at, window_s))
    ends_at = starts[-1] + timedelta(seconds=window_s)
    there: Document = {"started_at": {"$lt": ends_at}, "$or": [{"ended_at": None}, {"ended_at": {"$gt": starts[0]}}]}
    silence_s = rules_of(settings).silence_s
    presences = [
        presence_of(stay, settings.density_resolution, silence_s)
        for stay in read(database, STAYPOINTS, there, Staypoint)
    ]
    passages: dict[datetime, list[tuple[str, str]]] = {}
    for each in database[PASSAGES].find({"window_started_at": {"$gte": starts[0], "$lt": ends_at}}):
        at = window_of(each["window_started_at"], window_s)
        passages.setdefault(at, []).append((each["device_id"], each["cell"]))
    crowds = [crowd for at in starts for crowd in count_crowds(at, window_s, presences, passages.get(at, ()), least)]
    WINDOWS.inc(len(starts))
    before = {
        each["cell"] for each in database[CROWDS].find({"window_started_at": {"$gte": starts[0], "$lt": ends_at}})
    }
    _replace(database, CROWDS, starts[0], ends_at, crowds)
    _count_flows(database, least, starts[0], ends_at)
    for cell in sorted(before | {crowd.cell for crowd in crowds}):
        _judge_cell(database, settings, cell, counted_since_at, since_at=starts[0], tell=tell)


def _count_flows(database: Database[Document], least: int, since_at: datetime, until_at: datetime) -> None:
    for at in windows_between(since_at, until_at, FLOW_WINDOW_S):
        ends_at = at + timedelta(seconds=FLOW_WINDOW_S)
        ways = read(database, WAYS, {"started_at": {"$gte": at, "$lt": ends_at}}, Way)
        trips = [
            (way.device_id, way.started_at, way.from_cell, way.to_cell) for way in ways if way.from_cell and way.to_cell
        ]
        _replace(database, FLOWS, at, ends_at, count_flows(at, FLOW_WINDOW_S, trips, least))


def _replace(
    database: Database[Document], collection: str, since_at: datetime, until_at: datetime, found: Iterable[Any]
) -> None:
    documents = [document_of(each) for each in found]
    if documents:
        writes: list[Any] = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
        database[collection].bulk_write(writes, ordered=False)
    gone: Document = {"$gte": since_at, "$lt": until_at}
    database[collection].delete_many({"window_started_at": gone, "_id": {"$nin": [each["_id"] for each in documents]}})


def _judge_cell(
    database: Database[Document],
    settings: Settings,
    cell: str,
    counted_since_at: datetime,
    *,
    since_at: datetime,
    tell: Tell,
) -> None:
    """Find the cell's surges since a moment; only what is published of it is looked at."""
    rules = rules_of(settings)
    needed_at = since_at - timedelta(days=SURGE_DAYS + 1)
    wanted: Document = {"cell": cell, "window_started_at": {"$gte": needed_at}}
    people = {crowd.window_started_at: crowd.people for crowd in read(database, CROWDS, wanted, Crowd)}
    history = CellHistory(
        people,
        counted_since_at=counted_since_at,
        window_s=settings.density_window_s,
        zone=find_zone(settings.habits_zone),
        least=settings.people_least,
        rules=rules,
    )
    subject = cell_subject(cell)
    found = [anomaly_of(subject, odd, rules) for odd in history.surges(since_at)]
    replace_anomalies(database, subject, since_at, found, tell)
