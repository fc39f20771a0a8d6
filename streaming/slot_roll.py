"""Who has what: the slots and seats as MongoDB has them, and what happens when the number of slots changes.

A producer takes a seat first. The seats in use tell each producer how many there are, and so how many slots are its
share. Slots and seats are leases; bookmarks stand beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from pymongo.client_session import ClientSession
from pymongo.database import Database

from itrack.mongo import BOOKMARKS, SLOWEST_WRITE, Document
from itrack.mongo_errors import asking_mongodb
from streaming.bookmark import Bookmark, bookmark_of, place_bookmark
from streaming.slots import Slot, slot_named, slots_of

__all__ = ["Roll", "adopt_bookmarks", "call_roll", "hindmost", "lease_of", "published_until", "seat"]

_OURS = "^producer"
_WITHIN_S = 3.0

_log = structlog.get_logger()


def lease_of(slot: Slot) -> str:
    """Name of the lease on a slot."""
    return f"{slot.name}-lease"


def seat(number: int) -> str:
    """Name of the lease that is a seat."""
    return f"producer-seat:{number}"


@dataclass(frozen=True, slots=True)
class Roll:
    """What the collection of bookmarks says at one moment.

    Attributes:
        leases: names of the leases that somebody holds.
        bookmarks: names of the bookmarks.
    """

    leases: frozenset[str]
    bookmarks: frozenset[str]

    def free(self, slots: Sequence[Slot]) -> list[Slot]:
        """Those of the slots that nobody works on."""
        return [slot for slot in slots if lease_of(slot) not in self.leases]

    def seats(self, count: int) -> list[int]:
        """The seats in use, of so many."""
        return [number for number in range(count) if seat(number) in self.leases]

    def has_other_bookmarks(self, slots: Sequence[Slot]) -> bool:
        """Whether there are bookmarks of another number of slots."""
        return bool(self.bookmarks - {slot.name for slot in slots})

    def has_other_producers(self, slots: Sequence[Slot]) -> bool:
        """Whether somebody works on slots of another number."""
        ours = {lease_of(slot) for slot in slots}
        return any(not name.startswith("producer-seat:") for name in self.leases - ours)


def call_roll(database: Database[Document]) -> Roll:
    """Look, by MongoDB's clock.

    Raises:
        TryAgain: MongoDB is away.
    """
    has_token = {"$ne": [{"$type": "$token"}, "missing"]}
    is_held = {"$gt": ["$until_at", "$$NOW"]}
    with asking_mongodb("look who works on which slot", within_s=_WITHIN_S):
        found = list(
            database[BOOKMARKS].aggregate(
                [{"$match": {"_id": {"$regex": _OURS}}}, {"$project": {"has_token": has_token, "is_held": is_held}}]
            )
        )
    return Roll(
        leases=frozenset(each["_id"] for each in found if each["is_held"]),
        bookmarks=frozenset(each["_id"] for each in found if each["has_token"]),
    )


def adopt_bookmarks(database: Database[Document], slots: Sequence[Slot]) -> None:
    """Replace the bookmarks of another number of slots: each new slot begins where the last of the old ones stands.

    What the old slots had already published beyond that is published again. Either all of it happens or nothing.

    Raises:
        TryAgain: MongoDB is away.
    """
    names = [slot.name for slot in slots]

    def replace(session: ClientSession) -> None:
        documents = list(
            database[BOOKMARKS].find({"_id": {"$regex": _OURS}, "token": {"$exists": True}}, session=session)
        )
        old = [document for document in documents if document["_id"] not in names]
        found = [bookmark for document in old if (bookmark := bookmark_of(document)) is not None]
        missing = set(names) - {document["_id"] for document in documents}
        if len(found) == len(old) and found:
            for name in missing:
                place_bookmark(database, name, hindmost(found), session)
        database[BOOKMARKS].delete_many({"_id": {"$in": [document["_id"] for document in old]}}, session=session)
        _log.warning("slots_changed", old=[document["_id"] for document in old], new=names)

    with asking_mongodb("change the number of slots", within_s=_WITHIN_S), database.client.start_session() as session:
        session.with_transaction(replace, read_concern=database.read_concern, write_concern=database.write_concern)


def published_until(database: Database[Document]) -> datetime | None:
    """Every fix stored before this moment is on Kafka; None while a slot has no bookmark that tells.

    Raises:
        PyMongoError: MongoDB is away.
    """
    documents = database[BOOKMARKS].find({"_id": {"$regex": _OURS}, "token": {"$exists": True}})
    found = {slot: bookmark_of(each) for each in documents if (slot := slot_named(each["_id"])) is not None}
    bookmarks = [each for each in found.values() if each is not None]
    is_whole = any(found.keys() >= set(slots_of(count)) for count in {slot.count for slot in found})
    if not is_whole or len(bookmarks) < len(found):
        return None
    last = hindmost(bookmarks)
    return min(last.position_at, last.refill_from_at or last.position_at) - SLOWEST_WRITE


def hindmost(bookmarks: Sequence[Bookmark]) -> Bookmark:
    """The bookmark from which nothing is missed that any of these would still publish.

    A resume token's `_data` sorts by time as text (MongoDB, `resume_token.cpp`).
    """
    last = min(bookmarks, key=lambda each: (each.position_at, str(each.token.get("_data"))))
    pending = [each.refill_from_at for each in bookmarks if each.refill_from_at is not None]
    return Bookmark(token=last.token, position_at=last.position_at, refill_from_at=min(pending, default=None))
