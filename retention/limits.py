"""Which fixes may be deleted: old, published, exported where the nightly export is in use, not awaiting a repair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pymongo.database import Database

from batch_export.schedule import exported_until
from itrack.mongo import REPAIRS, Document
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from streaming.slot_roll import published_until

__all__ = ["Limit", "find_limit", "limit_of"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Fixes stored before `before_at` may go.

    Attributes:
        now_at: by MongoDB's clock, as the others.
        wanted_at: what the retention alone would give.
        before_at: None when none may go.
        waits_for: who holds the rest back, a sentence; empty when nobody does.
        spared: devices whose past waits to be judged anew: a repair needs all of it.
    """

    now_at: datetime
    wanted_at: datetime
    before_at: datetime | None
    waits_for: str = ""
    spared: tuple[str, ...] = ()


def limit_of(now_at: datetime, days: int, published_at: datetime | None, exported_at: datetime | None) -> Limit:
    """The earliest of three moments.

    Args:
        now_at: by MongoDB's clock.
        days: the retention.
        published_at: every fix stored before is on Kafka; None when not even that is known.
        exported_at: every fix stored before is in the files of its day; None when nobody exports by schedule.
    """
    wanted_at = now_at - timedelta(days=days)
    if published_at is None:
        return Limit(now_at, wanted_at, None, "no producer has published everything yet")
    if exported_at is not None and exported_at < min(wanted_at, published_at):
        return Limit(now_at, wanted_at, exported_at, f"the export has come as far as {exported_at:%Y-%m-%d %H:%M} UTC")
    if published_at < wanted_at:
        return Limit(
            now_at, wanted_at, published_at, f"the producer has come as far as {published_at:%Y-%m-%d %H:%M} UTC"
        )
    return Limit(now_at, wanted_at, wanted_at)


def find_limit(database: Database[Document], settings: Settings, days: int) -> Limit:
    """The limit as things stand now.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("look what may be deleted", within_s=30.0):
        now_at: datetime = database.client.admin.command("hello")["localTime"].replace(tzinfo=UTC)
        limit = limit_of(now_at, days, published_until(database), exported_until(database, settings))
        return replace(limit, spared=tuple(each["_id"] for each in database[REPAIRS].find({}, {"_id": 1})))
