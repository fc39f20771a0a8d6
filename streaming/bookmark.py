"""The producer's bookmark: what Kafka has acknowledged, and so where reading goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from pymongo.database import Database

from itrack.instant import Instant
from itrack.mongo import BOOKMARKS, Document
from itrack.mongo_errors import asking_mongodb

__all__ = ["BEGINNING", "Bookmark", "load_bookmark", "save_bookmark", "time_of_token"]

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""A refill from here reads the whole collection."""

_TIMESTAMP_MARK = "82"


class Bookmark(msgspec.Struct, frozen=True, kw_only=True):
    """Where the producer stands.

    Attributes:
        token: resume token of the change stream; every event before it has been acknowledged by Kafka, but for those
            that a pending refill still has to read.
        position_at: MongoDB's time of that token. A fix whose event comes after the token was stored at or after it,
            give or take a slow write. It survives when the token does not.
        refill_from_at: fixes stored at or after this moment must be read from the collection before the stream goes
            on; None when nothing is missing.
    """

    token: dict[str, Any]
    position_at: Instant = BEGINNING
    refill_from_at: Instant | None = None


def time_of_token(token: Document) -> datetime | None:
    """MongoDB's time of a resume token, in whole seconds; None when the token is not of the known form.

    A token's `_data` is a key string in hexadecimal that begins with a timestamp: the mark 82, four bytes of seconds
    and four of a counter (MongoDB, `resume_token.cpp`; the Kafka connector's `ResumeTokenUtils` reads it alike).
    """
    data = token.get("_data")
    if not isinstance(data, str) or not data.startswith(_TIMESTAMP_MARK):
        return None
    try:
        return datetime.fromtimestamp(int(data[2:10], 16), UTC)
    except ValueError:
        return None


def load_bookmark(database: Database[Document], name: str) -> Bookmark | None:
    """The saved bookmark; None before the first start, or when what is there is not one (everything is re-read then).

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("read the bookmark"):
        document = database[BOOKMARKS].find_one({"_id": name})
    if document is None:
        return None
    try:
        return msgspec.convert(document, Bookmark)
    except msgspec.ValidationError:
        return None


def save_bookmark(database: Database[Document], name: str, bookmark: Bookmark) -> None:
    """Save the bookmark, journalled on a majority.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("save the bookmark"):
        database[BOOKMARKS].replace_one(
            {"_id": name}, {**msgspec.structs.asdict(bookmark), "saved_at": datetime.now(UTC)}, upsert=True
        )
