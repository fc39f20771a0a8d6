"""A lease in MongoDB: of all that could do a piece of work, wherever they are started, one does it at a time."""

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

from itrack.errors import TryAgain
from itrack.mongo import BOOKMARKS, Document
from itrack.mongo_errors import asking_mongodb

__all__ = ["Lease", "LeaseHeld", "LeaseLost"]

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_SOON_S = 0.5


class LeaseHeld(TryAgain):
    """Somebody else does the work: there is nothing wrong, and nothing to do but wait.

    Args:
        message: a sentence.
        holder: who, as `host:process:number`.
        note: what they said of themselves.
    """

    def __init__(self, message: str, holder: str, note: str) -> None:
        super().__init__(message)
        self.holder = holder
        self.note = note


class LeaseLost(TryAgain):
    """Somebody else does the work by now, or may do so soon."""


class Lease:
    """Holds the lease while the `with` block runs, and renews it beside the work.

    Time is MongoDB's own, so clocks of machines do not matter. A holder that dies or freezes leaves a lease that runs
    out after `lasts_s`. One that wakes again hears soon that it is lost, but may write before it does: what must not
    come from it is written beside its `term`, and never over a higher one. While MongoDB is away nobody can take the
    lease, so its holder keeps it.

    Args:
        database: where the bookmarks are.
        name: of the lease's document among them.
        work: what its holder does, such as `export`, for messages.
        lasts_s: how long it holds without renewal, seconds.
        note: what others are told about this holder.

    Attributes:
        is_lost: set once somebody else has it.
        term: a number that rises with each new holder; 0 before the block.

    Raises:
        LeaseHeld: somebody else holds it.
        TryAgain: MongoDB is away.
    """

    def __init__(
        self, database: Database[Document], name: str, *, work: str, lasts_s: float = 60.0, note: str = ""
    ) -> None:
        self.is_lost = threading.Event()
        self.term = 0
        self._bookmarks = database[BOOKMARKS]
        self._name = name
        self._work = work
        self._lasts_s = lasts_s
        self._note = note
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def check(self) -> None:
        """Go on only while the lease is held.

        Raises:
            LeaseLost: it was lost.
        """
        if self.is_lost.is_set():
            raise LeaseLost(
                f"The {self._work} lost its lease: it, or MongoDB for it, stood still for over {self._lasts_s:.0f} s."
            )

    def __enter__(self) -> Self:
        with asking_mongodb("take the lease", within_s=self._lasts_s):
            lease = self._take()
        if lease.get("holder") != self._holder:
            raise LeaseHeld(
                f"Another {self._work} is running ({lease.get('holder')}). Try again when it is done; "
                f"if it was killed, in {self._lasts_s:.0f} seconds.",
                str(lease.get("holder")),
                str(lease.get("note", "")),
            )
        self.term = int(lease["term"])
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(timeout=self._lasts_s)
        try:
            with asking_mongodb("return the lease", within_s=min(self._lasts_s, 3.0)):
                mine = {"_id": self._name, "holder": self._holder}
                self._bookmarks.update_one(mine, {"$set": {"holder": None, "until_at": _LONG_AGO}})
        except TryAgain:
            structlog.get_logger().warning("lease_not_returned", lease=self._name, runs_out_after_s=self._lasts_s)

    def _take(self) -> Document:
        """Take or renew the lease when that is possible; who has it then."""
        mine = {"$eq": ["$holder", {"$literal": self._holder}]}
        has_run_out = {"$lt": [{"$ifNull": ["$until_at", _LONG_AGO]}, "$$NOW"]}
        until = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(self._lasts_s * 1000)}}
        # Never lower than before, even when somebody has deleted the document, or set MongoDB's clock back.
        next_term = {"$max": [{"$add": [{"$ifNull": ["$term", 0]}, 1]}, {"$toLong": "$$NOW"}]}
        taken = {
            "_id": "$_id",
            "holder": {"$literal": self._holder},
            "note": {"$literal": self._note},
            "until_at": until,
            "term": {"$cond": [mine, "$term", next_term]},
        }
        lease = self._bookmarks.find_one_and_update(
            {"_id": self._name},
            [{"$replaceWith": {"$cond": [{"$or": [mine, has_run_out]}, taken, "$$ROOT"]}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return lease or {}

    def _keep(self) -> None:
        pause_s = self._lasts_s / 3
        while not self._is_over.wait(pause_s):
            try:
                with asking_mongodb("renew the lease", within_s=self._lasts_s / 3):
                    lease = self._take()
            except TryAgain as error:
                structlog.get_logger().warning("lease_not_renewed", lease=self._name, error=str(error))
                pause_s = min(_SOON_S, self._lasts_s / 3)
                continue
            if lease.get("holder") != self._holder or lease.get("term") != self.term:
                self.is_lost.set()
                return
            pause_s = self._lasts_s / 3
