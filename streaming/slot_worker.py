"""The work on one slot: every fix of its devices that enters MongoDB goes to Kafka.

The bookmark moves only behind what Kafka has acknowledged, so a kill at any moment repeats and never skips. Where the
change stream cannot go on (first start, oplog rolled over, token invalid, collection dropped), the collection itself
is read from the last known place, and the stream goes on from a token taken before that reading began.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import structlog
from bson import json_util
from pymongo.database import Database

from itrack.again import work_until_stopped
from itrack.batches import in_batches
from itrack.errors import FillGap, SetAside, TryAgain
from itrack.kafka import ensure_topics
from itrack.lease import Lease, LeaseLost
from itrack.mongo import FIXES, SLOWEST_WRITE, Document
from itrack.settings import Settings
from itrack.wire import dead_letter, encode, encode_fix_document
from streaming.bookmark import BEGINNING, Bookmark, save_bookmark, take_over_bookmark, time_of_token
from streaming.change_stream import ChangeStream
from streaming.producer_metrics import (
    BOOKMARK_TIMESTAMP,
    DEAD_LETTERS,
    LAG,
    PUBLISHED,
    REFILLED,
    REFILLING,
    REFILLS,
    RESTARTS,
)
from streaming.publisher import Publisher
from streaming.read_ahead import read_ahead
from streaming.refill import fixes_stored_since
from streaming.slot_health import SlotHealth
from streaming.slots import Slot

__all__ = ["Assignment", "work_on_slot"]

_SAVE_EVERY_S = 0.5
_SAVE_IDLE_EVERY_S = 10.0
_LONGEST_RAW = 200_000
_REFILLED_AT_ONCE = 2_000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Assignment:
    """A slot that one producer works on.

    Attributes:
        slot: whose devices' fixes are published.
        lease: what makes it this producer's.
        stopping: ends the work when set.
        health: told how the work goes.
    """

    slot: Slot
    lease: Lease
    stopping: threading.Event
    health: SlotHealth


def work_on_slot(settings: Settings, database: Database[Document], assignment: Assignment) -> None:
    """Publish until the work is to stop or the lease is lost.

    Raises:
        FixConfiguration: a person has to change something.
    """
    stopping, health = assignment.stopping, assignment.health

    def publish() -> None:
        ensure_topics(settings)
        publisher = Publisher(settings, stopping, health.unhealthy)
        with closing(publisher):
            worker = _SlotWorker(settings, database, assignment, publisher)
            while not stopping.is_set():
                worker.go_on()

    def say_what_is_wrong(error: TryAgain) -> None:
        if isinstance(error, LeaseLost):
            stopping.set()
        else:
            RESTARTS.inc()
            health.unhealthy(str(error))

    try:
        work_until_stopped(publish, stopping, on_failure=say_what_is_wrong)
    finally:
        for gauge in (BOOKMARK_TIMESTAMP, LAG, REFILLING):
            gauge.remove(assignment.slot.number)


class _SlotWorker:
    """One life of the work: from the saved bookmark until something fails or the work is to stop."""

    def __init__(
        self, settings: Settings, database: Database[Document], assignment: Assignment, publisher: Publisher
    ) -> None:
        self._settings = settings
        self._database = database
        self._slot = slot = assignment.slot
        self._lease = assignment.lease
        self._term = assignment.lease.term
        self._stopping = assignment.stopping
        self._health = assignment.health
        self._publisher = publisher
        self._lag = LAG.labels(slot.number)
        self._refilling = REFILLING.labels(slot.number)
        self._position = BOOKMARK_TIMESTAMP.labels(slot.number)
        self._saved_s = 0.0
        self._bookmark = take_over_bookmark(database, slot.name, self._term) or self._begin("first_start", BEGINNING)

    def go_on(self) -> None:
        """Re-read what is missing, then follow the stream; returns when the work is to stop and after a gap.

        Raises:
            TryAgain: MongoDB or Kafka is away, or the slot is another producer's.
        """
        if self._bookmark.refill_from_at is not None:
            self._refill(self._bookmark.refill_from_at)
        if self._bookmark.refill_from_at is not None:
            return
        try:
            self._follow()
        except FillGap as gap:
            self._begin(str(gap), self._missing_since())

    def _begin(self, reason: str, missing_since_at: datetime) -> Bookmark:
        """Take a token of the present and note what has to be re-read before following it."""
        with ChangeStream(self._database, slot=self._slot) as stream:
            token = stream.token
        return self._note_refill(reason, token, missing_since_at)

    def _note_refill(self, reason: str, token: Document, missing_since_at: datetime) -> Bookmark:
        REFILLS.labels(reason).inc()
        _log.warning("refill_needed", slot=self._slot.name, reason=reason, since=missing_since_at.isoformat())
        position_at = time_of_token(token) or missing_since_at
        self._save(Bookmark(token=token, position_at=position_at, refill_from_at=missing_since_at))
        return self._bookmark

    def _missing_since(self) -> datetime:
        """What the collection holds from here on may not be in Kafka once the token is lost."""
        lost_at = max(BEGINNING, self._bookmark.position_at - SLOWEST_WRITE)
        return min(lost_at, self._bookmark.refill_from_at or lost_at)

    def _refill(self, since_at: datetime) -> None:
        self._health.healthy(f"reading fixes again that were stored since {since_at.isoformat(timespec='seconds')}")
        self._refilling.set(1)
        fixes = fixes_stored_since(self._database, since_at, self._slot)
        with closing(read_ahead(in_batches(fixes, _REFILLED_AT_ONCE))) as batches:
            for documents in batches:
                self._publish(documents)
                REFILLED.inc(len(documents))
                stored_at = documents[-1].get("stored_at")
                if isinstance(stored_at, datetime) and self._is_time_to_save(_SAVE_EVERY_S):
                    self._save(msgspec.structs.replace(self._bookmark, refill_from_at=stored_at))
                if self._stopping.is_set():
                    return
        self._save(msgspec.structs.replace(self._bookmark, refill_from_at=None))
        self._refilling.set(0)

    def _follow(self) -> None:
        has_news = False
        with (
            ChangeStream(self._database, self._bookmark.token, self._slot) as stream,
            closing(read_ahead(stream.batches())) as batches,
        ):
            for batch in batches:
                self._publish(batch.documents)
                has_news = has_news or bool(batch.documents)
                if batch.is_last:
                    self._note_refill("collection_dropped", batch.token, self._missing_since())
                    return
                is_stopping = self._stopping.is_set()
                if is_stopping or self._is_time_to_save(_SAVE_EVERY_S if has_news else _SAVE_IDLE_EVERY_S):
                    position_at = time_of_token(batch.token) or self._bookmark.position_at
                    self._save(Bookmark(token=batch.token, position_at=position_at))
                    has_news = False
                self._health.healthy("following the change stream")
                if is_stopping:
                    return

    def _publish(self, documents: list[Document]) -> None:
        topic = self._settings.fixes_topic
        publish = self._publisher.publish
        bad = 0
        for document in documents:
            try:
                key, value = encode_fix_document(document)
                publish(topic, key, value)
            except SetAside as error:
                self._set_aside(document, error)
                bad += 1
        PUBLISHED.inc(len(documents) - bad)
        self._publisher.poll()
        self._lag.set(_age_s(documents[-1]) if documents else 0.0)

    def _set_aside(self, document: Document, error: SetAside) -> None:
        raw = json_util.dumps(document)[:_LONGEST_RAW]
        letter = dead_letter(f"mongodb:{FIXES}/{document.get('_id')}", error, raw, datetime.now(UTC))
        self._publisher.publish(self._settings.dead_letter_topic, letter.letter_id.encode(), encode(letter))
        DEAD_LETTERS.labels(error.reason).inc()
        _log.warning("set_aside", origin=letter.origin, reason=error.reason)

    def _is_time_to_save(self, every_s: float) -> bool:
        return time.monotonic() - self._saved_s >= every_s

    def _save(self, bookmark: Bookmark) -> None:
        """Move the bookmark, after Kafka has acknowledged everything so far."""
        self._lease.check()
        self._publisher.settle()
        save_bookmark(self._database, self._slot.name, bookmark, self._term)
        self._bookmark = bookmark
        self._saved_s = time.monotonic()
        self._position.set(bookmark.position_at.timestamp())


def _age_s(document: Document) -> float:
    stored_at = document.get("stored_at")
    return max(0.0, (datetime.now(UTC) - stored_at).total_seconds()) if isinstance(stored_at, datetime) else 0.0
