"""What MongoDB has no longer: noted by who deletes, for who would judge the past by what is left of it."""

from __future__ import annotations

from datetime import datetime

from pymongo.database import Database

from itrack.mongo import BOOKMARKS, Document
from itrack.mongo_errors import asking_mongodb

__all__ = ["forgotten_before", "note_forgotten"]

_BOOKMARK = "retention"
_WITHIN_S = 10.0


def note_forgotten(database: Database[Document], before_at: datetime) -> None:
    """Note that fixes which were stored before that moment are going to be deleted.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("note what is deleted", within_s=_WITHIN_S):
        database[BOOKMARKS].update_one({"_id": _BOOKMARK}, {"$max": {"before_at": before_at}}, upsert=True)


def forgotten_before(database: Database[Document]) -> datetime | None:
    """Fixes that were stored before this moment may be gone; None while all are there.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("look what was deleted", within_s=_WITHIN_S):
        document = database[BOOKMARKS].find_one({"_id": _BOOKMARK})
    return None if document is None else document["before_at"]
