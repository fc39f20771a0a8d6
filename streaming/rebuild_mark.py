"""When everything was last judged anew: from then on the analytics' next checkpoint reads Kafka."""

from __future__ import annotations

from datetime import datetime

from pymongo.database import Database

from itrack.mongo import BOOKMARKS, Document
from itrack.mongo_errors import asking_mongodb

__all__ = ["note_rebuild", "rebuilt_at"]

_NAME = "analytics"


def note_rebuild(database: Database[Document], began_at: datetime) -> None:
    """Remember that everything stored before that moment was judged anew.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("note the rebuild"):
        database[BOOKMARKS].replace_one({"_id": _NAME}, {"_id": _NAME, "rebuilt_at": began_at}, upsert=True)


def rebuilt_at(database: Database[Document]) -> datetime | None:
    """The moment; None when that was never done.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("look for a rebuild"):
        found = database[BOOKMARKS].find_one({"_id": _NAME})
    return None if found is None else found.get("rebuilt_at")
