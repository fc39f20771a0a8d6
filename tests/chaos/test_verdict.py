"""The verdict itself: it is silent when all is well, and names each kind of breach."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from itrack.mongo import Document
from itrack.wire import decode_fix, encode_fix_document
from tests.chaos.evidence import Evidence, Record, Stored, sighting_of
from tests.chaos.verdict import find_problems

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIXES = ("main:1", "main:2", "main:3", "main:4")


def document(fix_id: str) -> Document:
    """The odd ones are of device 1, the others of device 2."""
    number = int(fix_id.partition(":")[2])
    at = NOW + timedelta(seconds=number)
    return {
        "_id": fix_id,
        "schema": 1,
        "device_id": f"main:{number % 2 or 2}",
        **dict.fromkeys(("fixed_at", "device_at", "server_at", "stored_at"), at),
        "latitude_deg": 47.0 + number,
        "longitude_deg": 8.0,
    }


def record(fix_id: str, **changes: object) -> Record:
    key, value = encode_fix_document({**document(fix_id), **changes})
    return Record(partition=key[-1] % 2, key=key, value=value, fix=decode_fix(value))


def evidence(**changes: object) -> Evidence:
    """All is well: four fixes of two devices, one of them twice on Kafka; a fifth of a device that was removed."""
    fixes = {fix_id: document(fix_id) for fix_id in FIXES}
    seen = {fix_id: sighting_of(each) for fix_id, each in fixes.items()}
    well = Evidence(
        due=seen,
        allowed=seen | {"main:5": sighting_of(document("main:5"))},
        devices={"main:1": "Anna", "main:2": "Ben"},
        stored=Stored(
            fixes=fixes,
            order=list(FIXES),
            devices={"main:1": ("Anna", "online"), "main:2": ("Ben", "online"), "main:3": ("Cleo", "removed")},
        ),
        published=[record(fix_id) for fix_id in (*FIXES, "main:1")],
    )
    return dataclasses.replace(well, **changes)  # type: ignore[arg-type]


def stored(**changes: object) -> Evidence:
    return evidence(stored=dataclasses.replace(evidence().stored, **changes))  # type: ignore[arg-type]


def without(fix_id: str) -> dict[str, Document]:
    return {each: document(each) for each in FIXES if each != fix_id}


def test_nothing_is_wrong_when_all_is_well() -> None:
    """A copy on Kafka, a removed device and its fixes, stored or not, are no breaches."""
    assert find_problems(evidence()) == []
    with_fifth = {each: document(each) for each in (*FIXES, "main:5")}
    order = [*FIXES, "main:5"]
    published = [record(each) for each in order]
    well = evidence(stored=dataclasses.replace(evidence().stored, fixes=with_fifth, order=order), published=published)
    assert find_problems(well) == []


BREACHES: dict[str, Callable[[], Evidence]] = {
    "1 lost before MongoDB: main:4": lambda: evidence(
        stored=dataclasses.replace(evidence().stored, fixes=without("main:4"), order=list(FIXES[:3])),
        published=[record(each) for each in FIXES[:3]],
    ),
    "1 in MongoDB that Traccar never had: main:4": lambda: evidence(
        due={each: sighting_of(document(each)) for each in FIXES[:3]},
        allowed={each: sighting_of(document(each)) for each in FIXES[:3]},
    ),
    "1 other in MongoDB than in Traccar: main:4": lambda: evidence(
        allowed={**evidence().allowed, "main:4": ("main:2", NOW, 0.0, 0.0)}
    ),
    "1 inserted more than once: main:2": lambda: stored(order=[*FIXES, "main:2"]),
    "1 lost before Kafka: main:3": lambda: evidence(published=[record(each) for each in FIXES if each != "main:3"]),
    "1 on Kafka that MongoDB does not have: main:5": lambda: evidence(
        published=[*evidence().published, record("main:5")]
    ),
    "1 other on Kafka than in MongoDB: main:1": lambda: evidence(
        published=[*evidence().published, record("main:1", speed_mps=1.0)]
    ),
    "1 not keyed by its device: main:1": lambda: evidence(
        published=[*evidence().published, dataclasses.replace(record("main:1"), key=b"main:2")]
    ),
    "1 in several partitions: main:2": lambda: evidence(
        published=[*evidence().published, dataclasses.replace(record("main:2"), partition=7)]
    ),
    "1 first on Kafka behind one that was stored later: main:1": lambda: evidence(
        published=[record(each) for each in ("main:3", "main:1", "main:2", "main:4")]
    ),
    "1 set aside: fix_id_reused": lambda: stored(set_aside=["fix_id_reused"]),
    "1 among the dead letters: bad": lambda: evidence(dead_letters=["bad"]),
    "1 named or marked as removed otherwise than Traccar does: main:2": lambda: evidence(
        devices={"main:1": "Anna", "main:2": "Benjamin"}
    ),
    "1 named or marked as removed otherwise than Traccar does: main:1": lambda: evidence(devices={"main:2": "Ben"}),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_each_breach_is_named(breach: str) -> None:
    """One breach gives one sentence, with what it is about."""
    assert find_problems(BREACHES[breach]()) == [breach]
