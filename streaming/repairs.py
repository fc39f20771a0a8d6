"""Repairs on their way: waiting in MongoDB for the repairer, one at most for each phone, and spoken of on Kafka."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from itrack.kafka import create_topics
from itrack.mongo import Document
from itrack.settings import Settings
from itrack.trajectory.fleet import Repair

__all__ = ["WaitingRepair", "ensure_repair_topic", "repair_document", "repair_topic", "waiting_repair"]


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


def waiting_repair(document: Document) -> WaitingRepair:
    """The repair in a document."""
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


def repair_topic(settings: Settings) -> str:
    """The topic about repairs: key = shard, value = `Repaired` or `AskRepair` as JSON."""
    return f"{settings.fixes_topic}.repairs"


def ensure_repair_topic(settings: Settings) -> None:
    """Create that topic where it is missing.

    Raises:
        TryAgain: as `create_topics`.
    """
    create_topics(settings, {repair_topic(settings): 1})
