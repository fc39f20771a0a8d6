"""Where findings go. Doing it twice leaves what doing it once leaves.

What events tell of goes to MongoDB, then the events go to Kafka, so that who hears of a trip finds it. What nobody
waits for comes last: how far open stops have come, verdicts, passages, anchors, and repairs, which begin once all else
is written. A batch is done when all of it is written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import cast

import msgspec
import stamina
from pymongo import ReplaceOne
from pymongo.database import Database

from itrack.errors import TryAgain
from itrack.mobility import Event, Staypoint
from itrack.mongo import ANCHORS, FINDINGS, REPAIRS, Document, ensure_indexes, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from itrack.trajectory.fleet import Anchor, Repair
from itrack.trajectory.words import Finding
from itrack.wire import DeadLetter, encode
from streaming.analytics_metrics import DEAD_LETTERS, SINK_RETRIES
from streaming.anchors import anchor_document
from streaming.outlet import Outlet, Stopped, Writes, grow, put
from streaming.rebuild_mark import rebuilt_at
from streaming.repairs import repair_document
from streaming.shards import ShardReport

__all__ = ["AnalyticsSink"]

_decode_event = msgspec.msgpack.Decoder(Event).decode
_decode_staypoint = msgspec.msgpack.Decoder(Staypoint).decode
_decode_letter = msgspec.msgpack.Decoder(DeadLetter).decode
_decode_report = msgspec.msgpack.Decoder(ShardReport).decode
_decode_anchor = msgspec.msgpack.Decoder(Anchor).decode
_decode_repair = msgspec.msgpack.Decoder(tuple[int, Repair]).decode
_decode_finding = {kind.__name__: msgspec.msgpack.Decoder(kind).decode for kind in FINDINGS}


class AnalyticsSink:
    """Writes the findings of one micro-batch after another.

    Args:
        settings: where MongoDB and Kafka are.
        stopping: when set, an unwritten batch is given up; the checkpoint still has it.
        on_trouble: told in a sentence when a write has to be repeated.
    """

    def __init__(self, settings: Settings, stopping: threading.Event, on_trouble: Callable[[str], None]) -> None:
        self._settings = settings
        self._stopping = stopping
        self._on_trouble = on_trouble
        self._database: Database[Document] = open_database(settings, part="analytics")
        self._outlet = Outlet(settings, self._database, "itrack-analytics", stopping)

    def prepare(self) -> None:
        """Make sure that the collections have their indexes.

        Raises:
            TryAgain, FixConfiguration: as `asking_mongodb`.
        """
        with asking_mongodb("make indexes"):
            ensure_indexes(self._database)

    def rebuilt_at(self) -> datetime | None:
        """From when on a new checkpoint has to read Kafka (see `streaming.rebuild_mark`); None to read all that it has.

        Raises:
            TryAgain: MongoDB is away.
        """
        return rebuilt_at(self._database)

    def close(self) -> None:
        """Let go of MongoDB."""
        self._database.client.close()

    def write(self, rows: Iterable[tuple[str, bytes]]) -> list[ShardReport]:
        """Write a batch, trying for as long as it takes, and return what its shards report.

        Raises:
            FixConfiguration: MongoDB refuses.
            Stopped: the analytics are to stop and the other side is away.
        """
        batch = _Batch()
        for kind, payload in rows:
            batch.add(kind, payload)
        for attempt in stamina.retry_context(on=self._may_repeat, attempts=None, timeout=None, wait_max=2.0):
            with attempt:
                if attempt.num > 1 and self._stopping.is_set():
                    raise Stopped
                self._write(batch)
        return batch.reports

    def _may_repeat(self, error: Exception) -> bool:
        if not isinstance(error, TryAgain):
            return False
        SINK_RETRIES.inc()
        self._on_trouble(f"Findings cannot be written and are tried again: {error}")
        return True

    def _write(self, batch: _Batch) -> None:
        letters = [(None, encode(letter)) for letter in batch.letters]
        self._outlet.publish(self._settings.dead_letter_topic, letters)
        self._outlet.store(batch.event_writes)
        self._outlet.tell(batch.events)
        self._outlet.store(batch.writes)
        self._outlet.store(batch.last_writes)
        for letter in batch.letters:
            DEAD_LETTERS.labels(reason=letter.reason).inc()


class _Batch:
    """The findings of one micro-batch; of several writes to one document the last counts.

    `event_writes` are what events tell of. `writes` come after them, `last_writes` when all else is done.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.letters: list[DeadLetter] = []
        self.reports: list[ShardReport] = []
        self.event_writes: Writes = {}
        self.writes: Writes = {}
        self.last_writes: Writes = {}

    def add(self, kind: str, payload: bytes) -> None:
        what, _, of_kind = kind.partition(":")
        match what:
            case "event":
                event = _decode_event(payload)
                self.events.append(event)
                put(self.event_writes, event.subject, is_gone=event.kind.is_withdrawal)
            case "kept" | "dropped":
                put(self.writes, cast("Finding", _decode_finding[of_kind](payload)), is_gone=what == "dropped")
            case "progress":
                grow(self.writes, _decode_staypoint(payload))
            case "anchor":
                _replace(self.writes, ANCHORS, anchor_document(_decode_anchor(payload)))
            case "repair":
                _replace(self.last_writes, REPAIRS, repair_document(*_decode_repair(payload)))
            case "dead_letter":
                self.letters.append(_decode_letter(payload))
            case "report":
                self.reports.append(_decode_report(payload))
            case _:
                raise ValueError(f"a shard told of an unknown kind of finding: {kind}")


def _replace(writes: Writes, collection: str, document: Document) -> None:
    write = ReplaceOne({"_id": document["_id"]}, document, upsert=True)
    writes.setdefault(collection, {})[document["_id"]] = write
