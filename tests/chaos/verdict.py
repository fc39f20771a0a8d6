"""The verdict: what the evidence lacks, has too much of, or has in a wrong order. Pure.

What is promised, and looked at here:

1. Each fix that Traccar has, of a device that the bridge's user may see, is in MongoDB once, with the same device,
   time and place, and on Kafka at least once. Nothing is anywhere that Traccar never had.
2. On Kafka each copy of a fix is the same to the byte, and is what MongoDB has: a reader that keeps one value of each
   identifier has MongoDB's fixes, whichever copy it keeps.
3. All copies of a device's fixes are in one partition, keyed by the device.
4. The first copies of a device's fixes come in the order in which MongoDB stored them, which is that of their inserts
   in the oplog. Later copies may be anywhere behind the first one. Where the collection itself is read, at the first
   start and when the change stream was lost, the order is that of `stored_at`, which is the same but for writes that
   crossed each other; a test that brings this about says so, and the order is not looked at.
5. Nothing was set aside: every report of the suite's phones is a fix.
6. Each device that the bridge's user may see has its present name in MongoDB; the others are marked removed.
"""

from __future__ import annotations

from collections.abc import Sequence

from itrack.wire import encode_fix_document
from tests.chaos.evidence import Evidence, Record, sighting_of

__all__ = ["find_problems"]

_MOST_NAMED = 10


def find_problems(evidence: Evidence) -> list[str]:
    """A sentence for each kind of breach; none when all that is promised holds."""
    stored, published = evidence.stored, evidence.published
    on_kafka = {record.fix.fix_id for record in published}
    values = {fix_id: encode_fix_document(document)[1] for fix_id, document in stored.fixes.items()}
    names = {device_id: name for device_id, (name, status) in stored.devices.items() if status != "removed"}
    breaches = {
        "lost before MongoDB": evidence.due.keys() - stored.fixes.keys(),
        "in MongoDB that Traccar never had": stored.fixes.keys() - evidence.allowed.keys(),
        "other in MongoDB than in Traccar": {
            fix_id
            for fix_id in stored.fixes.keys() & evidence.allowed.keys()
            if sighting_of(stored.fixes[fix_id]) != evidence.allowed[fix_id]
        },
        "inserted more than once": _repeated(stored.order),
        "lost before Kafka": stored.fixes.keys() - on_kafka,
        "on Kafka that MongoDB does not have": on_kafka - stored.fixes.keys(),
        "other on Kafka than in MongoDB": {
            record.fix.fix_id for record in published if values.get(record.fix.fix_id, record.value) != record.value
        },
        "not keyed by its device": {
            record.fix.fix_id for record in published if record.key != record.fix.device_id.encode()
        },
        "in several partitions": _scattered(published),
        "first on Kafka behind one that was stored later": _overtaken(published, stored.order) - evidence.unordered,
        "set aside": set(stored.set_aside),
        "among the dead letters": set(evidence.dead_letters),
        "named or marked as removed otherwise than Traccar does": {
            device_id
            for device_id in names.keys() | evidence.devices.keys()
            if names.get(device_id) != evidence.devices.get(device_id)
        },
    }
    return [f"{len(each)} {what}: {_some(each)}" for what, each in breaches.items() if each]


def _repeated(fix_ids: Sequence[str]) -> set[str]:
    seen: set[str] = set()
    repeated: set[str] = set()
    for fix_id in fix_ids:
        (repeated if fix_id in seen else seen).add(fix_id)
    return repeated


def _scattered(published: Sequence[Record]) -> set[str]:
    """Devices whose fixes are in several partitions."""
    home: dict[str, int] = {}
    return {
        record.fix.device_id
        for record in published
        if home.setdefault(record.fix.device_id, record.partition) != record.partition
    }


def _overtaken(published: Sequence[Record], order: Sequence[str]) -> set[str]:
    """Fixes whose first copy is behind the first copy of one of their device that was stored later."""
    place: dict[str, int] = {}
    for fix_id in order:
        place.setdefault(fix_id, len(place))
    furthest: dict[str, int] = {}
    seen: set[str] = set()
    overtaken: set[str] = set()
    for fix in (record.fix for record in published):
        if fix.fix_id in seen or fix.fix_id not in place:
            continue
        seen.add(fix.fix_id)
        here = place[fix.fix_id]
        if here < furthest.get(fix.device_id, -1):
            overtaken.add(fix.fix_id)
        furthest[fix.device_id] = max(here, furthest.get(fix.device_id, -1))
    return overtaken


def _some(names: set[str]) -> str:
    listed = ", ".join(sorted(names)[:_MOST_NAMED])
    return listed if len(names) <= _MOST_NAMED else f"{listed}, …"
