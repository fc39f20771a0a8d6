"""A phone's past in MongoDB, read and judged in one go: for repairs, for explaining, for judging anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import structlog
from pymongo.database import Database

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mongo import FINDINGS, FIXES, Document
from itrack.trajectory.fleet import Anchor
from itrack.trajectory.point import fix_no_of, instant_of
from itrack.trajectory.quality import EARLIEST_AT
from itrack.trajectory.replay import Replayed, in_order, points_upto, replay
from itrack.trajectory.rules import Rules
from itrack.trajectory.words import Finding
from itrack.wire import fix_of_document, struct_of_document
from streaming.anchors import anchor_before

__all__ = ["JudgedAnew", "findings_since", "fixes_since", "judge_anew"]

_log = structlog.get_logger()


class JudgedAnew(msgspec.Struct, kw_only=True):
    """A phone's past, judged in order.

    Attributes:
        anchor: where it began; None at the phone's first fix.
        fixes: that were read, in no order.
        replayed: what they tell.
    """

    anchor: Anchor | None
    fixes: list[Fix]
    replayed: Replayed

    @property
    def since_at(self) -> datetime | None:
        """What fixes after this moment made so was found; None for all."""
        return None if self.anchor is None else instant_of(self.anchor.base[0])


def judge_anew(
    database: Database[Document],
    device_id: str,
    rules: Rules,
    *,
    since_at: datetime | None = None,
    base: tuple[int, int, int] | None = None,
    silent_until_ms: int | None = None,
) -> JudgedAnew:
    """Judge a phone's fixes from the newest anchor before a moment on.

    Args:
        database: of the project.
        device_id: whose.
        rules: what they are judged by.
        since_at: the moment; None for the phone's first fix.
        base: place in the order of the last fix that is judged; None for all of them.
        silent_until_ms: nothing came until then after the last one; None when that is not known.

    Raises:
        pymongo.errors.PyMongoError: MongoDB is away.
    """
    anchor = None if since_at is None else anchor_before(database, device_id, since_at, rules.name)
    fixes = list(fixes_since(database, device_id, None if anchor is None else instant_of(anchor.base[0])))
    after = None if anchor is None else anchor.base
    points = points_upto(in_order(fixes, rules), base or (2**62, 0, 0), after=after)
    phone = None if anchor is None else anchor.phone
    replayed = replay(points, rules, phone=phone, silent_until_ms=silent_until_ms)
    return JudgedAnew(anchor=anchor, fixes=fixes, replayed=replayed)


def fixes_since(database: Database[Document], device_id: str, since_at: datetime | None) -> Iterator[Fix]:
    """The phone's fixes that may come after that moment in the order: by their clock, or with a clock of long ago."""
    wanted: Document = {"device_id": device_id}
    if since_at is not None:
        wanted["$or"] = [{"fixed_at": {"$gte": since_at}}, {"fixed_at": {"$lt": EARLIEST_AT}}]
    for document in database[FIXES].find(wanted, {"attributes_json": 0}, batch_size=5_000):
        try:
            fix = fix_of_document(document)
            fix_no_of(fix.fix_id)
        except SetAside:
            continue  # it is a dead letter: no shard has judged it
        yield fix


def findings_since(database: Database[Document], device_id: str, since_at: datetime | None) -> Iterator[Finding]:
    """What fixes after that moment made so; without what another version of the program has written."""
    wanted: Document = {"device_id": device_id}
    if since_at is not None:
        wanted["judged_at"] = {"$gt": since_at}
    for kind, collection in FINDINGS.items():
        for document in database[collection].find(wanted):
            try:
                finding: Any = struct_of_document(document, kind)
            except SetAside as error:
                _log.warning("finding_not_read", collection=collection, finding=document["_id"], reason=error.reason)
            else:
                yield finding
