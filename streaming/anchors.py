"""Anchors in MongoDB: what was known of a phone before a day began, for a repair to start from."""

from __future__ import annotations

from datetime import datetime

from bson import Binary
from pymongo import ReplaceOne
from pymongo.database import Database

from itrack.mongo import ANCHORS, Document
from itrack.trajectory.fleet import Anchor
from itrack.trajectory.phone import PHONE_VERSION
from itrack.trajectory.point import instant_of
from itrack.trajectory.replay import Replayed

__all__ = ["anchor_before", "anchor_document", "anchors_of", "replace_anchors"]


def anchor_document(anchor: Anchor) -> Document:
    """The document of an anchor: one for each phone and place in the order."""
    return {
        "_id": f"{anchor.device_id}:{anchor.base[0]}",
        "device_id": anchor.device_id,
        "base_at": instant_of(anchor.base[0]),
        "base": list(anchor.base),
        "phone": Binary(anchor.phone),
        "version": PHONE_VERSION,
        "rules": anchor.rules,
    }


def anchor_before(database: Database[Document], device_id: str, before_at: datetime, rules: str) -> Anchor | None:
    """The newest anchor of the phone whose fixes are all older than that moment and were judged by these rules.

    Raises:
        pymongo.errors.PyMongoError: MongoDB is away.
    """
    found = database[ANCHORS].find_one(
        {"device_id": device_id, "base_at": {"$lt": before_at}, "version": PHONE_VERSION, "rules": rules},
        sort=[("base_at", -1)],
    )
    if found is None:
        return None
    at_ms, server_ms, number = map(int, found["base"])
    return Anchor(device_id=device_id, base=(at_ms, server_ms, number), phone=bytes(found["phone"]), rules=rules)


def replace_anchors(
    database: Database[Document], device_id: str, since_at: datetime | None, until_at: datetime, anchors: list[Anchor]
) -> None:
    """Put these anchors in the place of those from `since_at` (None: the first) until `until_at`, both included."""
    between: Document = {"$lte": until_at} if since_at is None else {"$gte": since_at, "$lte": until_at}
    database[ANCHORS].delete_many({"device_id": device_id, "base_at": between})
    if anchors:
        documents = [anchor_document(anchor) for anchor in anchors]
        database[ANCHORS].bulk_write([ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents])


def anchors_of(device_id: str, replayed: Replayed, rules: str) -> list[Anchor]:
    """The anchors that a replay has passed."""
    return [Anchor(device_id=device_id, base=base, phone=phone, rules=rules) for base, phone in replayed.anchors]
