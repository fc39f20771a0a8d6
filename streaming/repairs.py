"""Repairs on their way: waiting in MongoDB for the repairer, one at most for each phone, and spoken of on Kafka."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from pymongo.database import Database

from itrack.kafka import create_topics
from itrack.mongo import REPAIRS, Document
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from itrack.trajectory.fleet import Repair

__all__ = [
    "WaitingRepair",
    "ensure_repair_topic",
    "forget_repair",
    "repair_document",
    "repair_topic",
    "waiting_repairs",
]


class WaitingRepair(msgspec.Struct, frozen=True, kw_only=True):
    """A repair and the shard that asked for it."""

    shard: int
    repair: Repair


def repair_document(shard: int, repair: Repair) -> Document:
    """The document of a repair. A later one of the same phone takes its place."""
    return {
        "_id": repair.device_id,
        "shard": shard,
        "number": repair.number,
        "since_ms": repair.since_ms,
        "base": list(repair.base),
        "asked_at": datetime.now(UTC),
    }


def waiting_repairs(database: Database[Document]) -> list[WaitingRepair]:
    """All that wait, in the order in which they were asked for.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("look for repairs"):
        return [_waiting_repair(each) for each in database[REPAIRS].find().sort("asked_at", 1)]


def forget_repair(database: Database[Document], repair: Repair) -> None:
    """A repair is done; a later one of the same phone stays.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("note that a repair is done"):
        database[REPAIRS].delete_one({"_id": repair.device_id, "number": repair.number})


def repair_topic(settings: Settings) -> str:
    """The topic about repairs: key = shard, value = `Repaired` or `AskRepair` as JSON."""
    return f"{settings.fixes_topic}.repairs"


def ensure_repair_topic(settings: Settings) -> None:
    """Create that topic where it is missing.

    Raises:
        TryAgain: as `create_topics`.
    """
    create_topics(settings, {repair_topic(settings): 1})


def _waiting_repair(document: Document) -> WaitingRepair:
    at_ms, server_ms, number = map(int, document["base"])
    return WaitingRepair(
        shard=int(document["shard"]),
        repair=Repair(
            device_id=document["_id"],
            number=int(document["number"]),
            since_ms=int(document["since_ms"]),
            base=(at_ms, server_ms, number),
        ),
    )
