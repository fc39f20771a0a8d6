"""A lease in MongoDB: at most one export runs at a time, wherever it is started."""

from __future__ import annotations

import os
import socket
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import uuid4

import structlog
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import PyMongoError

from itrack.errors import TryAgain
from itrack.mongo import BOOKMARKS, Document

__all__ = ["Lease", "LeaseHeld"]

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class LeaseHeld(TryAgain):
    """Another export works: there is nothing wrong, and nothing to do but wait."""


class Lease:
    """Holds the lease while the `with` block runs, and renews it beside the work.

    Time is MongoDB's own, so clocks of machines do not matter. A holder that dies leaves a lease that runs out
    after `lasts_s`.

    Args:
        database: where the bookmarks are.
        name: of the lease's document.
        lasts_s: how long it holds without renewal, seconds.

    Raises:
        LeaseHeld: somebody else holds it.
    """

    def __init__(self, database: Database[Document], name: str, lasts_s: float = 60.0) -> None:
        self._bookmarks = database[BOOKMARKS]
        self._name = name
        self._lasts_s = lasts_s
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._is_over = threading.Event()
        self._is_lost = False
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def check(self) -> None:
        """Go on only while the lease is held.

        Raises:
            TryAgain: it was lost.
        """
        if self._is_lost:
            raise TryAgain("The export lost its lease, because MongoDB was away for too long: start it again.")

    def __enter__(self) -> Self:
        if not self._take():
            held = self._bookmarks.find_one({"_id": self._name}) or {}
            raise LeaseHeld(
                f"Another export is running ({held.get('holder', 'it just ended')}). Try again when it is done; "
                f"if it was killed, in {self._lasts_s:.0f} seconds."
            )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(timeout=10.0)
        try:
            self._bookmarks.delete_one({"_id": self._name, "holder": self._holder})
        except PyMongoError:
            structlog.get_logger().warning("lease_not_returned", runs_out_after_s=self._lasts_s)

    def _take(self) -> bool:
        mine = {"$eq": ["$holder", {"$literal": self._holder}]}
        has_run_out = {"$lt": [{"$ifNull": ["$until_at", _LONG_AGO]}, "$$NOW"]}
        until = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(self._lasts_s * 1000)}}
        taken = {"_id": "$_id", "holder": {"$literal": self._holder}, "until_at": until}
        lease = self._bookmarks.find_one_and_update(
            {"_id": self._name},
            [{"$replaceWith": {"$cond": [{"$or": [mine, has_run_out]}, taken, "$$ROOT"]}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return lease is not None and lease["holder"] == self._holder

    def _keep(self) -> None:
        while not self._is_over.wait(self._lasts_s / 3):
            try:
                if not self._take():
                    self._is_lost = True
                    return
            except PyMongoError as error:
                structlog.get_logger().warning("lease_not_renewed", error=str(error))
