"""The producer's bookmarks, one a slot: what Kafka has acknowledged, and so where reading goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from itrack.instant import Instant
from itrack.lease import LeaseLost
from itrack.mongo import BOOKMARKS, Document
from itrack.mongo_errors import asking_mongodb

__all__ = [
    "BEGINNING",
    "Bookmark",
    "bookmark_of",
    "load_bookmark",
    "place_bookmark",
    "save_bookmark",
    "take_over_bookmark",
    "time_of_token",
]

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""A refill from here reads the whole collection."""

_TIMESTAMP_MARK = "82"
_WITHIN_S = 5.0


class Bookmark(msgspec.Struct, frozen=True, kw_only=True):
    """Where the producer stands in one slot.

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
    with asking_mongodb("read the bookmark", within_s=_WITHIN_S):
        document = database[BOOKMARKS].find_one({"_id": name})
    return None if document is None else bookmark_of(document)


def bookmark_of(document: Document) -> Bookmark | None:
    """The bookmark in a document; None when it is none."""
    try:
        return msgspec.convert(document, Bookmark)
    except msgspec.ValidationError:
        return None


def take_over_bookmark(database: Database[Document], name: str, term: int) -> Bookmark | None:
    """The saved bookmark, as `load_bookmark`; from now on it cannot be moved under an earlier term of the lease.

    Raises:
        LeaseLost: it was taken over under a later term already.
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("take the bookmark over", within_s=_WITHIN_S):
        try:
            document = database[BOOKMARKS].find_one_and_update(
                {"_id": name, "term": {"$not": {"$gt": term}}}, {"$set": {"term": term}}, upsert=True
            )
        except DuplicateKeyError as error:
            raise LeaseLost(f"Another producer has taken {name} over.") from error
    return None if document is None else bookmark_of(document)


def save_bookmark(database: Database[Document], name: str, bookmark: Bookmark, term: int) -> None:
    """Save the bookmark that was taken over, journalled on a majority.

    Raises:
        LeaseLost: it was taken over by another producer since, or is gone because there are other slots now.
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("save the bookmark", within_s=_WITHIN_S):
        answer = database[BOOKMARKS].update_one({"_id": name, "term": term}, {"$set": _document_of(bookmark)})
    if not answer.matched_count:
        raise LeaseLost(f"Another producer has taken {name} over.")


def place_bookmark(
    database: Database[Document], name: str, bookmark: Bookmark, session: ClientSession | None = None
) -> None:
    """Write the bookmark anew, for a producer that does not run yet.

    Raises:
        PyMongoError: MongoDB is away.
    """
    database[BOOKMARKS].replace_one({"_id": name}, _document_of(bookmark), upsert=True, session=session)


def _document_of(bookmark: Bookmark) -> Document:
    return {**msgspec.structs.asdict(bookmark), "saved_at": datetime.now(UTC)}
