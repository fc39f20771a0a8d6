"""The change stream on `fixes`, read with plain `aggregate` and `getMore` commands.

pymongo's own `watch()` hides two things this part needs: the token after each batch, empty ones included, and the
errors that mean a lost history. It is also slower. The server leaves out what is not published: the phones' free
attributes, and the events of deletions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from itrack.errors import FillGap, TryAgain
from itrack.mongo import FIXES, Document
from itrack.mongo_errors import asking_mongodb
from streaming.documents import CODEC, in_utc
from streaming.slots import ONLY_SLOT, Slot

__all__ = ["Batch", "ChangeStream"]

_BATCH_SIZE = 2_000
_GAPS = {
    286: "history_lost",
    280: "stream_failed",
    260: "token_invalid",
    10334: "event_too_large",
}
"""Errors that the same token will meet again (`ChangeStreamHistoryLost`, `ChangeStreamFatalError`, …)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one read gave.

    Attributes:
        documents: the fixes that were inserted, in the order of the oplog.
        token: resuming after it continues with the next event.
        is_last: the collection was dropped or renamed; nothing follows.
    """

    documents: list[Document]
    token: Document
    is_last: bool = False


class ChangeStream:
    """A change stream, opened after a token or at the present. A context manager.

    Args:
        database: holds `fixes`.
        after: resume token; None opens at the present.
        slot: fixes of other slots' devices stay on the server.
        await_s: how long one read waits for news.

    Raises:
        FillGap: the stream cannot be resumed after this token; the message is the reason's slug.
        TryAgain: MongoDB is away.
        FixConfiguration: MongoDB has no change streams, or not for this user.
    """

    def __init__(
        self,
        database: Database[Document],
        after: Document | None = None,
        slot: Slot = ONLY_SLOT,
        await_s: float = 0.5,
    ) -> None:
        self._database = database
        self._slot = slot
        self._await_ms = int(await_s * 1000)
        self._session = database.client.start_session()
        try:
            self._cursor = self._open(after)
        except BaseException:
            self._session.end_session()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def token(self) -> Document:
        """The token after the first batch; nothing before it is left to read when the stream began at the present."""
        token: Document = self._cursor["postBatchResumeToken"]
        return token

    def batches(self) -> Iterator[Batch]:
        """Each batch as it comes, an empty one after each wait without news; ends after one with `is_last`.

        Raises:
            FillGap: the history was lost on the way.
            TryAgain: MongoDB is away or has closed the cursor.
        """
        events: list[Document] = self._cursor["firstBatch"]
        while True:
            batch = _batch_of(events, self._cursor["postBatchResumeToken"])
            yield batch
            if batch.is_last:
                return
            if not self._cursor["id"]:
                raise FillGap("stream_closed")
            events = self._read_on()

    def close(self) -> None:
        """Let go of the cursor on the server. Safe to repeat."""
        try:
            if self._cursor["id"]:
                self._database.command("killCursors", FIXES, cursors=[self._cursor["id"]], session=self._session)
        except PyMongoError:
            pass  # the server ends it by itself soon
        finally:
            self._session.end_session()

    def _open(self, after: Document | None) -> Document:
        with asking_mongodb("open the change stream"):
            if after is None:
                return self._aggregate({})
            try:
                # startAfter, unlike resumeAfter, also goes on after the token of an invalidation.
                return self._aggregate({"startAfter": after})
            except OperationFailure as error:
                if error.has_error_label("ResumableChangeStreamError"):
                    raise
                self._aggregate({})  # works without the token: the token is at fault
                raise FillGap(_GAPS.get(error.code or 0, "token_invalid")) from error

    def _aggregate(self, stage: Document) -> Document:
        of_slot = self._slot.condition("fullDocument.device_id")
        pipeline = [
            {"$changeStream": stage},
            {"$match": {"operationType": {"$nin": ["delete", "update"]}}},
            *([{"$match": {"$or": [{"operationType": "invalidate"}, of_slot]}}] if of_slot else []),
            {"$project": {"operationType": 1, "fullDocument": 1}},
            {"$unset": "fullDocument.attributes_json"},
        ]
        answer = self._database.command(
            "aggregate",
            FIXES,
            pipeline=pipeline,
            cursor={"batchSize": _BATCH_SIZE},
            codec_options=CODEC,
            session=self._session,
        )
        cursor: Document = answer["cursor"]
        return cursor

    def _read_on(self) -> list[Document]:
        try:
            answer = self._database.command(
                "getMore",
                self._cursor["id"],
                collection=FIXES,
                batchSize=_BATCH_SIZE,
                maxTimeMS=self._await_ms,
                codec_options=CODEC,
                session=self._session,
            )
        except OperationFailure as error:
            if error.code in _GAPS:
                raise FillGap(_GAPS[error.code]) from error
            raise TryAgain(f"MongoDB ended the change stream: {error.details} (error {error.code})") from error
        except PyMongoError as error:
            raise TryAgain(f"MongoDB did not read the change stream: {error}") from error
        self._cursor = answer["cursor"]
        events: list[Document] = self._cursor["nextBatch"]
        return events


def _batch_of(events: list[Document], token: Document) -> Batch:
    documents = [event["fullDocument"] for event in events if "fullDocument" in event]
    in_utc(documents)
    ended = any(event["operationType"] == "invalidate" for event in events)
    return Batch(documents, token, is_last=ended)
