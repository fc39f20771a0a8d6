"""The bridge's bookmarks in MongoDB: how far ids are accounted for, and whose past was read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from itrack.lease import LeaseLost
from itrack.mongo import BOOKMARKS, Document
from itrack.mongo_errors import asking_mongodb

__all__ = ["BridgeBookmarks"]

_DUPLICATE_KEY = 11000
_WITHIN_S = 10.0


class BridgeBookmarks:
    """Bookmarks of one Traccar server: `bridge:<server>`, and `bridge:<server>/<device id>` for each device.

    Each holds the term of the lease under which it was written. A bridge that has lost its lease does not know that at
    once, and what it knows of devices may be old; its writes have no effect: `begin` raises the terms of all bookmarks
    that count, and nothing is written over a higher term, nor counted below that of `bridge:<server>`.

    Args:
        database: of the project.
        server: short name of the Traccar server.
        term: of this bridge's lease.

    Raises:
        TryAgain: from every method, when MongoDB is away.
        LeaseLost: from every method that writes, when another bridge has begun its term.
    """

    def __init__(self, database: Database[Document], server: str, term: int) -> None:
        self._bookmarks = database[BOOKMARKS]
        self._name = f"bridge:{server}"
        self._of_devices = {"$regex": f"^{self._name}/"}
        self._term = term

    def begin(self) -> None:
        """Take the bookmarks over from the term before. The others read and write what this has taken over."""
        with asking_mongodb("take the bookmarks over", within_s=_WITHIN_S):
            last_term = (self._bookmarks.find_one({"_id": self._name}) or {}).get("term", 0)
            self._bookmarks.update_many(
                {"_id": self._of_devices, "term": {"$gte": last_term, "$lt": self._term}},
                {"$set": {"term": self._term}},
            )
        self._write([self._fenced(self._name, {})])  # the last: until it is done, the term before still counts

    def settled_id(self) -> int | None:
        """Every position id up to this one is accounted for; None before the first start."""
        with asking_mongodb("read the bookmark", within_s=_WITHIN_S):
            document = self._bookmarks.find_one({"_id": self._name}) or {}
        settled_id = document.get("settled_id")
        return None if settled_id is None else int(settled_id)

    def save_settled_id(self, settled_id: int) -> None:
        """Everything up to this id is safe."""
        self._write([self._fenced(self._name, {"settled_id": settled_id, "saved_at": datetime.now(UTC)})])

    def histories(self) -> dict[str, datetime]:
        """When the past of each device was last read to its end, by device id."""
        with asking_mongodb("read the bookmarks", within_s=_WITHIN_S):
            found = self._bookmarks.find({"_id": self._of_devices, "term": self._term}, {"read_at": 1})
            return {document["_id"].partition("/")[2]: document["read_at"] for document in found}

    def save_histories(self, device_ids: Iterable[str]) -> None:
        """The past of these devices is safe."""
        now = datetime.now(UTC)
        self._write([self._fenced(f"{self._name}/{device_id}", {"read_at": now}) for device_id in device_ids])

    def forget_histories(self, device_ids: Iterable[str]) -> None:
        """These devices are gone; should they come back, their past is read again."""
        names = [f"{self._name}/{device_id}" for device_id in device_ids]
        if names:
            with asking_mongodb("save the bookmarks", within_s=_WITHIN_S):
                self._bookmarks.delete_many({"_id": {"$in": names}, "term": {"$lte": self._term}})

    def _fenced(self, name: str, values: Document) -> UpdateOne:
        """Where a higher term stands, the filter finds nothing and the insert meets the identifier."""
        is_not_later = {"_id": name, "term": {"$not": {"$gt": self._term}}}
        return UpdateOne(is_not_later, {"$set": {**values, "term": self._term}}, upsert=True)

    def _write(self, writes: list[UpdateOne]) -> None:
        if not writes:
            return
        with asking_mongodb("save the bookmarks", within_s=_WITHIN_S):
            try:
                self._bookmarks.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                if any(each.get("code") == _DUPLICATE_KEY for each in (error.details or {}).get("writeErrors", ())):
                    raise LeaseLost("Another bridge has taken over; this one's bookmarks count no more.") from error
                raise
