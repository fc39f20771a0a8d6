"""Writing to MongoDB: fixes once, devices as they are now, and what could not be used."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from pymongo import ReplaceOne, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from itrack.device import Device
from itrack.errors import SetAside, TryAgain
from itrack.fix import Fix
from itrack.mongo import DEVICES, FIXES, SET_ASIDE, Document
from itrack.mongo_errors import asking_mongodb
from itrack.wire import DeadLetter, dead_letter, document_of, encode_fix, fix_document
from traccar_bridge import metrics

__all__ = ["FixStore"]

_DUPLICATE_KEY = 11000
_ASK_TIME_EVERY_S = 30.0
_WITHIN_S = 5.0
_DEVICES_PER_S = 500
_SAME = ("device_id", "fixed_at", "server_at")
_SAME_FIELDS = dict.fromkeys(_SAME, 1)


class FixStore:
    """All that the bridge writes, but for its bookmarks. May be used by several threads.

    A fix is inserted when it is absent and never changed, so that what comes again wakes nobody downstream.

    Args:
        database: of the project.
        server: short name of the Traccar server.

    Raises:
        TryAgain: from every method, when MongoDB is away.
    """

    def __init__(self, database: Database[Document], server: str) -> None:
        self._database = database
        self._fixes = database[FIXES]
        self._server = server
        self._clock_offset = timedelta()
        self._clock_asked_s: float | None = None

    def known(self, position_ids: Iterable[int]) -> set[int]:
        """Those of the ids whose fix is in MongoDB."""
        by_fix_id = {f"{self._server}:{each}": each for each in position_ids}
        with asking_mongodb("look for fixes", within_s=_WITHIN_S):
            found = self._fixes.find({"_id": {"$in": list(by_fix_id)}}, {"_id": 1})
            return {by_fix_id[document["_id"]] for document in found}

    def holding(self, fixes: Sequence[Fix]) -> set[Fix]:
        """Those of the fixes that are in MongoDB, and are not another one with the same identifier."""
        fix_ids = [fix.fix_id for fix in fixes]
        with asking_mongodb("look for fixes", within_s=_WITHIN_S):
            found = {each["_id"]: each for each in self._fixes.find({"_id": {"$in": fix_ids}}, _SAME_FIELDS)}
        return {fix for fix in fixes if fix.fix_id in found and _is_same(found[fix.fix_id], fix)}

    def write(self, fixes: Sequence[Fix], *, probably_new: bool = False) -> int:
        """Insert the fixes that are not there yet; they are safe when this returns.

        A fix whose identifier is taken by another one (Traccar's database was restored or replaced) is set aside.

        Args:
            fixes: some may come twice.
            probably_new: most are not there, so that it is cheaper to insert them all and look at those that are.

        Returns:
            How many were new.
        """
        unique = {fix.fix_id: fix for fix in fixes}
        fresh = unique if probably_new or len(unique) == 1 else self._without_known(unique)
        stored_at = self._now()
        documents = [{**fix_document(fix), "stored_at": stored_at} for fix in fresh.values()]
        known_meanwhile: dict[str, Fix] = {}
        if documents:
            with asking_mongodb("write fixes", within_s=_WITHIN_S), metrics.MONGO_WRITE.time():
                try:
                    self._fixes.insert_many(documents, ordered=False)
                except BulkWriteError as error:
                    known_meanwhile = self._absorb(error, fresh)
        if known_meanwhile:
            self._without_known(known_meanwhile)
        new = len(fresh) - len(known_meanwhile)
        metrics.STORED.inc(new)
        metrics.DUPLICATES.inc(len(fixes) - new)
        return new

    def set_aside(self, letters: Sequence[DeadLetter]) -> None:
        """Keep inputs that could not be used; the same one only once."""
        if not letters:
            return
        documents = [document_of(letter) for letter in letters]
        with asking_mongodb("keep what was set aside", within_s=_WITHIN_S):
            answer = self._database[SET_ASIDE].bulk_write(
                [UpdateOne({"_id": each["_id"]}, {"$setOnInsert": each}, upsert=True) for each in documents],
                ordered=False,
            )
        for number in answer.upserted_ids or {}:
            metrics.SET_ASIDE.labels(letters[number].reason).inc()

    def write_devices(self, devices: Iterable[Device]) -> None:
        """Bring devices up to date."""
        documents = [document_of(device) for device in devices]
        if documents:
            with asking_mongodb("write devices", within_s=_WITHIN_S + len(documents) / _DEVICES_PER_S):
                self._database[DEVICES].bulk_write(
                    [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents], ordered=False
                )

    def mark_removed(self, keep: Iterable[str]) -> None:
        """Give every other device of this server the status `removed`."""
        kept = list(keep)
        others = {"_id": {"$regex": f"^{self._server}:", "$nin": kept}, "status": {"$ne": "removed"}}
        with asking_mongodb("mark removed devices", within_s=_WITHIN_S + len(kept) / _DEVICES_PER_S):
            self._database[DEVICES].update_many(others, {"$set": {"status": "removed"}})

    def _without_known(self, fixes: dict[str, Fix]) -> dict[str, Fix]:
        """The fixes that are not in MongoDB yet; those that are, are compared."""
        with asking_mongodb("look for fixes", within_s=_WITHIN_S):
            found = list(self._fixes.find({"_id": {"$in": list(fixes)}}, _SAME_FIELDS))
        reused = [fixes[document["_id"]] for document in found if not _is_same(document, fixes[document["_id"]])]
        if reused:
            self._set_reused_aside(reused)
        known = {document["_id"] for document in found}
        return {fix_id: fix for fix_id, fix in fixes.items() if fix_id not in known}

    def _set_reused_aside(self, reused: list[Fix]) -> None:
        structlog.get_logger().error("position_ids_reused", count=len(reused), server=self._server)
        error = SetAside(
            "fix_id_reused",
            "another fix has this identifier. Was Traccar's database replaced? Then set another ITRACK_TRACCAR_NAME.",
        )
        now = datetime.now(UTC)
        self.set_aside([dead_letter(f"traccar:{self._server}/fix", error, encode_fix(fix), now) for fix in reused])

    def _absorb(self, error: BulkWriteError, fresh: dict[str, Fix]) -> dict[str, Fix]:
        """The fixes that somebody else has written in between; any other error is for trying again."""
        details = error.details or {}
        problems = details.get("writeErrors", [])
        others = [each for each in problems if each.get("code") != _DUPLICATE_KEY]
        if others or details.get("writeConcernErrors"):
            raise TryAgain(f"MongoDB did not write {len(others)} of {len(fresh)} fixes") from error
        return {each["op"]["_id"]: fresh[each["op"]["_id"]] for each in problems}

    def _now(self) -> datetime:
        """MongoDB's clock, so that `stored_at` fits its change stream whatever this machine's clock does."""
        now_s = time.monotonic()
        if self._clock_asked_s is None or now_s - self._clock_asked_s > _ASK_TIME_EVERY_S:
            with asking_mongodb("tell the time", within_s=_WITHIN_S):
                answer = self._database.client.admin.command("hello")
            self._clock_offset = answer["localTime"].replace(tzinfo=UTC) - _EPOCH - timedelta(seconds=time.monotonic())
            self._clock_asked_s = now_s
        return _EPOCH + self._clock_offset + timedelta(seconds=time.monotonic())


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _is_same(document: Document, fix: Fix) -> bool:
    """Same content as far as MongoDB keeps it: dates in whole milliseconds."""
    return all(_comparable(document.get(name)) == _comparable(getattr(fix, name)) for name in _SAME)


def _comparable(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value
