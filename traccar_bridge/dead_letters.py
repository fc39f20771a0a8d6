"""What the bridge has set aside in MongoDB: counted, and decoded again once the bridge can read it.

A letter that was replayed leaves the collection after its fix is safe. A kill in between repeats an insert that changes
nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from pymongo.database import Database

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mongo import DEVICES, SET_ASIDE, Document
from itrack.mongo_errors import asking_mongodb
from itrack.wire import DeadLetter, struct_of_document
from itrack.wire import decode_fix as decode_stored_fix
from traccar_bridge.decode import decode_fix
from traccar_bridge.store import FixStore

__all__ = ["count_set_aside", "replay_set_aside"]

_AT_ONCE = 500
_UNREADABLE = "not_a_letter"


def count_set_aside(database: Database[Document]) -> Counter[str]:
    """How many inputs of the bridge are set aside, by reason.

    Raises:
        TryAgain: MongoDB is away.
    """
    with asking_mongodb("count what was set aside"):
        rows = database[SET_ASIDE].aggregate([{"$group": {"_id": "$reason", "count": {"$sum": 1}}}])
        return Counter({str(row["_id"] or _UNREADABLE): row["count"] for row in rows})


def replay_set_aside(database: Database[Document], reason: str | None = None) -> tuple[Counter[str], Counter[str]]:
    """Decode the positions again, store those that are fixes of a device the bridge follows, and remove their letters.

    A frame or list that could not be taken apart stays: reconciliation has asked for its positions one by one. So does
    a fix whose identifier belongs to another one.

    Args:
        database: of the project.
        reason: only letters with this one.

    Returns:
        How many were stored and how many stay, each by reason.

    Raises:
        TryAgain: MongoDB is away; what is done stays done.
    """
    done: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for documents in _batches(database, reason):
        reasons = {document["_id"]: str(document.get("reason") or _UNREADABLE) for document in documents}
        stored = _store(database, documents)
        with asking_mongodb("remove what was replayed"):
            database[SET_ASIDE].delete_many({"_id": {"$in": stored}})
        done.update(reasons[letter_id] for letter_id in stored)
        left.update(reasons[letter_id] for letter_id in reasons.keys() - set(stored))
    return done, left


def _batches(database: Database[Document], reason: str | None) -> Iterator[list[Document]]:
    """All letters in the order of their identifiers. Those that are added meanwhile may be left out."""
    wanted: Document = {} if reason is None else {"reason": reason}
    after: Document = {}
    while True:
        with asking_mongodb("read what was set aside"):
            batch = list(database[SET_ASIDE].find({**wanted, **after}).sort("_id", 1).limit(_AT_ONCE))
        if not batch:
            return
        yield batch
        after = {"_id": {"$gt": batch[-1]["_id"]}}


def _store(database: Database[Document], documents: list[Document]) -> list[object]:
    """Store what can be decoded now; identifiers of the letters whose fix is in MongoDB as they have it."""
    fixes = _fixes_of(documents)
    with asking_mongodb("look for devices"):
        wanted = {"_id": {"$in": [fix.device_id for fix in fixes.values()]}, "status": {"$ne": "removed"}}
        followed = {document["_id"] for document in database[DEVICES].find(wanted, {"_id": 1})}
    by_server: defaultdict[str, dict[object, Fix]] = defaultdict(dict)
    for letter_id, fix in fixes.items():
        if fix.device_id in followed:
            by_server[fix.fix_id.partition(":")[0]][letter_id] = fix
    stored: list[object] = []
    for server, of_server in by_server.items():
        store = FixStore(database, server)
        store.write(list(of_server.values()))
        held = store.holding(list(of_server.values()))
        stored += [letter_id for letter_id, fix in of_server.items() if fix in held]
    return stored


def _fixes_of(documents: list[Document]) -> dict[object, Fix]:
    """The fix of each letter that can be decoded now, by the letter's identifier."""
    fixes: dict[object, Fix] = {}
    for document in documents:
        try:
            fixes[document["_id"]] = _fix_of(struct_of_document(document, DeadLetter))
        except SetAside:
            continue
    return fixes


def _fix_of(letter: DeadLetter) -> Fix:
    server, _, way = letter.origin.removeprefix("traccar:").partition("/")
    if way == "fix":  # one whose identifier was taken: it is kept as it would be published
        return decode_stored_fix(letter.raw.encode())
    return decode_fix(letter.raw.encode("utf-8", "replace"), server)
