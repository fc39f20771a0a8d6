"""The bridge's bookmarks in MongoDB: how far ids are accounted for, and whose past was read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from pymongo import ReplaceOne
from pymongo.database import Database

from itrack.mongo import BOOKMARKS, Document
from itrack.mongo_errors import asking_mongodb

__all__ = ["BridgeBookmarks"]


class BridgeBookmarks:
    """Bookmarks of one Traccar server: `bridge:<server>`, and `bridge:<server>/<device id>` for each device.

    Args:
        database: of the project.
        server: short name of the Traccar server.

    Raises:
        TryAgain: from every method, when MongoDB is away.
    """

    def __init__(self, database: Database[Document], server: str) -> None:
        self._bookmarks = database[BOOKMARKS]
        self._name = f"bridge:{server}"

    def settled_id(self) -> int | None:
        """Every position id up to this one is accounted for; None before the first start."""
        with asking_mongodb("read the bookmark"):
            document = self._bookmarks.find_one({"_id": self._name})
        return None if document is None else int(document["settled_id"])

    def save_settled_id(self, settled_id: int) -> None:
        """Everything up to this id is safe."""
        document = {"_id": self._name, "settled_id": settled_id, "saved_at": datetime.now(UTC)}
        with asking_mongodb("save the bookmark"):
            self._bookmarks.replace_one({"_id": self._name}, document, upsert=True)

    def histories(self) -> dict[str, datetime]:
        """When the past of each device was last read to its end, by device id."""
        with asking_mongodb("read the bookmarks"):
            found = self._bookmarks.find({"_id": {"$regex": f"^{self._name}/"}}, {"read_at": 1})
            return {document["_id"].partition("/")[2]: document["read_at"] for document in found}

    def save_histories(self, device_ids: Iterable[str]) -> None:
        """The past of these devices is safe."""
        now = datetime.now(UTC)
        writes = [
            ReplaceOne({"_id": name}, {"_id": name, "read_at": now}, upsert=True)
            for name in (f"{self._name}/{device_id}" for device_id in device_ids)
        ]
        if writes:
            with asking_mongodb("save the bookmarks"):
                self._bookmarks.bulk_write(writes, ordered=False)

    def forget_histories(self, device_ids: Iterable[str]) -> None:
        """These devices are gone; should they come back, their past is read again."""
        names = [f"{self._name}/{device_id}" for device_id in device_ids]
        if names:
            with asking_mongodb("save the bookmarks"):
                self._bookmarks.delete_many({"_id": {"$in": names}})
