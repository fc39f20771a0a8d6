"""Reading fixes from the collection itself, in the order in which they were stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pymongo import ASCENDING
from pymongo.database import Database

from itrack.mongo import FIXES, Document
from itrack.mongo_errors import asking_mongodb
from streaming.bookmark import BEGINNING
from streaming.documents import CODEC, in_utc
from streaming.slots import ONLY_SLOT, Slot

__all__ = ["fixes_by_id", "fixes_stored_since"]


def fixes_stored_since(database: Database[Document], since_at: datetime, slot: Slot = ONLY_SLOT) -> Iterator[Document]:
    """Documents of `fixes` in a slot stored at or after `since_at`, oldest first; from `BEGINNING`, all of them.

    Raises:
        TryAgain: MongoDB is away; what was yielded before is in order and without holes.
    """
    condition: Document = {} if since_at <= BEGINNING else {"stored_at": {"$gte": since_at}}
    condition |= slot.condition("device_id")
    with asking_mongodb("read fixes again"):
        for document in (
            database[FIXES]
            .with_options(codec_options=CODEC)
            .find(condition, {"attributes_json": 0}, batch_size=2_000)
            .sort("stored_at", ASCENDING)
        ):
            in_utc([document])
            yield document


def fixes_by_id(database: Database[Document], fix_ids: Sequence[str]) -> dict[str, Document]:
    """The documents of `fixes` with these identifiers, where there is one.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("read fixes again"):
        documents = list(
            database[FIXES]
            .with_options(codec_options=CODEC)
            .find({"_id": {"$in": list(fix_ids)}}, {"attributes_json": 0})
        )
    in_utc(documents)
    return {document["_id"]: document for document in documents}
