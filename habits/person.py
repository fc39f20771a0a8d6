"""One person judged anew from MongoDB's truth; what was concluded before is replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from pymongo import DeleteOne, ReplaceOne
from pymongo.database import Database

from habits.lives import first_at, read, read_life
from habits.metrics import ANOMALIES, JUDGE_SECONDS
from itrack.day import Day, find_zone
from itrack.habits.judge import judge, needed_since
from itrack.habits.rhythm import rhythms_of
from itrack.habits.rules import HabitRules
from itrack.mobility import Anomaly, Event, EventKind
from itrack.mongo import HABIT_ANOMALIES, HOME_WORK, LIVES, RHYTHMS, Document
from itrack.settings import Settings
from itrack.wire import document_of

__all__ = ["Tell", "judge_person", "replace_anomalies", "rules_of"]

Tell = Callable[[list[Event]], None]
"""Publishes events; returns once Kafka has them."""


def rules_of(settings: Settings) -> HabitRules:
    """The rules that the settings ask for."""
    return HabitRules(
        window=settings.habits_window,
        refresh_fixes=settings.habits_refresh_fixes,
        sensitivity=settings.habits_sensitivity,
    )


def judge_person(
    database: Database[Document], settings: Settings, device_id: str, since_at: datetime, *, now: datetime, tell: Tell
) -> None:
    """Judge a device's days from the one of `since_at` on, and put what is found in the place of what was.

    Raises:
        PyMongoError: MongoDB is away.
        TryAgain: Kafka is; the next call does all of it again.
    """
    with JUDGE_SECONDS.time():
        rules, zone = rules_of(settings), find_zone(settings.habits_zone)
        first = first_at(database, device_id)
        asked_at = begins_at = Day.of(since_at, settings.habits_zone).starts_at
        if first is not None:
            begins_at = max(begins_at, Day.of(first, settings.habits_zone).starts_at)
        needed_at = needed_since(begins_at, rules)
        life = read_life(
            database, device_id, zone, needed_at, since_at=begins_at, resolution=settings.density_resolution
        )
        found = judge(life, begins_at, now, rules)
        rhythms, home_work = rhythms_of(
            life, begins_at if first else now, now, rules, step_length_m=settings.habits_step_length_m
        )
        replace_anomalies(database, device_id, asked_at, found.anomalies, tell)
        rhythms = rhythms if first else []
        kept = sorted(each.rhythm_id for each in rhythms)
        writes: list[Any] = [ReplaceOne({"_id": each.rhythm_id}, document_of(each), upsert=True) for each in rhythms]
        if writes:
            database[RHYTHMS].bulk_write(writes, ordered=False)
        database[RHYTHMS].delete_many({"device_id": device_id, "ends_at": {"$gt": begins_at}, "_id": {"$nin": kept}})
        database[HOME_WORK].replace_one({"_id": device_id}, _plain(document_of(home_work)), upsert=True)
        staying = [stay.started_at for stay in life.stays if stay.ended_at is None]
        due: Document = {"_id": device_id, "due_at": found.due_at, "since_at": min(staying, default=now)}
        database[LIVES].replace_one({"_id": device_id}, due, upsert=True)


def replace_anomalies(
    database: Database[Document], subject: str, since_at: datetime, found: Iterable[Anomaly], tell: Tell
) -> None:
    """Put anomalies since a moment in the place of those that were told, and tell what differs: first Kafka, then
    MongoDB, so that what was cut short is told again and never lost.
    """
    wanted: Document = {"device_id": subject, "happened_at": {"$gte": since_at}}
    before = {each.anomaly_id: each for each in read(database, HABIT_ANOMALIES, wanted, Anomaly)}
    after = {each.anomaly_id: each for each in found}
    new = [each for each in after.values() if before.get(each.anomaly_id) != each]
    gone = [each for each in before.values() if each.anomaly_id not in after]
    events = [_event(each, EventKind.ANOMALY_WITHDRAWN, is_correction=True) for each in gone]
    events += [_event(each, EventKind.ANOMALY_FOUND, is_correction=each.anomaly_id in before) for each in new]
    if not events:
        return
    tell(events)
    writes: list[Any] = [DeleteOne({"_id": each.anomaly_id}) for each in gone]
    writes += [ReplaceOne({"_id": each.anomaly_id}, document_of(each), upsert=True) for each in new]
    database[HABIT_ANOMALIES].bulk_write(writes, ordered=False)
    for each in gone:
        ANOMALIES.labels(each.kind, "withdrawn").inc()
    for each in new:
        ANOMALIES.labels(each.kind, "told").inc()


def _plain(document: Document) -> Document:
    """The document with the structs in it as documents, too."""
    return {
        name: msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else value
        for name, value in document.items()
    }


def _event(anomaly: Anomaly, kind: EventKind, *, is_correction: bool) -> Event:
    return Event(
        event_id=f"{anomaly.anomaly_id}:{kind}",
        kind=kind,
        device_id=anomaly.device_id,
        happened_at=anomaly.happened_at,
        knowable_at=anomaly.judged_at,
        published_at=datetime.now(UTC),
        is_correction=is_correction,
        anomaly=anomaly,
    )
