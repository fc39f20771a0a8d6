"""Hostile positions, by socket and by REST, through the decoder into the real MongoDB: each is accounted for.

`make fuzz` sends 100,000. The seed is in the output; FUZZ_SEED repeats its inputs.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.database import Database

from itrack.errors import SetAside
from itrack.mongo import FIXES, SET_ASIDE, Document, open_database
from itrack.settings import Settings
from itrack.wire import encode_fix, fix_of_document
from tests.support.hostile import hostile_positions
from traccar_bridge.decode import KnownDevice
from traccar_bridge.device_writer import DeviceWriter
from traccar_bridge.intake import Intake
from traccar_bridge.live import Live
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.roster import Roster
from traccar_bridge.sightings import Sightings
from traccar_bridge.split import split_array
from traccar_bridge.spool import Spool
from traccar_bridge.store import FixStore

pytestmark = pytest.mark.services

COUNT = int(os.environ.get("FUZZ_POSITIONS", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", str(time.time_ns() % 1_000_000)))
TOGETHER = 20
UNHARMED = b'{"id":1}'


class EveryDevice(dict[str, KnownDevice]):
    """A roster on which every device is."""

    def __contains__(self, _device_id: object) -> bool:
        return True


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    database = open_database(settings, part="test")
    yield database
    database.client.close()


@pytest.mark.timeout(300 + COUNT // 20)
def test_every_hostile_position_is_accounted_for(
    database: Database[Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is stored as a fix that everybody can read, or set aside with a reason, and none stops those behind it."""
    store, roster = FixStore(database, "main"), Roster()
    roster.devices = EveryDevice()
    writer = LiveWriter(store, Spool(tmp_path, "main", 0))
    live, intake = (
        Live(roster, Sightings(3600.0), writer=writer, devices=DeviceWriter(store), server="main"),
        Intake(store, roster, "main"),
    )
    stopping, failures = threading.Event(), list[str]()
    work = threading.Thread(
        target=writer.work, args=(stopping, lambda error: failures.append(str(error)), lambda: None), daemon=True
    )
    work.start()
    sent = set[str]()  # as they are kept: bytes that are no text are replaced
    for number, (by_socket, message) in enumerate(messages(hostile_positions(SEED, COUNT))):
        sent.update(element.decode("utf-8", "replace") for element in elements_of(message))
        if by_socket:
            live.take(b'{"positions":[' + message + b"]}")
        else:
            intake.keep(split_array(b"[" + message + b"]"))
        if number % 50 == 0:
            assert writer.wait_idle(60), failures
            assert work.is_alive()
    assert writer.wait_idle(60), failures
    stopping.set()
    work.join()
    stored, set_aside = (database[name].count_documents({}) for name in (FIXES, SET_ASIDE))
    reasons = Counter(letter["reason"] for letter in database[SET_ASIDE].find({}, {"reason": 1}))
    with capsys.disabled():
        print(  # noqa: T201 - the counts are what one runs it for
            f"\nseed {SEED}: {len(sent):,} sent, {stored:,} stored, {set_aside:,} set aside: {dict(reasons)}"
        )
    assert stored + set_aside == len(sent)
    assert stored > COUNT / 20
    for document in database[FIXES].find():
        encode_fix(fix_of_document(document))
    assert not failures


def messages(positions: Iterator[bytes]) -> Iterator[tuple[bool, bytes]]:
    """By which way each position is sent, with others; one that would spoil the others comes alone, by socket."""
    together: dict[bool, list[bytes]] = {True: [], False: []}
    for number, position in enumerate(positions):
        by_socket = number % 2 == 0
        if elements_of(position + b"," + UNHARMED) != [position, UNHARMED]:
            yield True, position
            continue
        together[by_socket].append(position)
        if len(together[by_socket]) == TOGETHER:
            yield by_socket, b",".join(together[by_socket])
            together[by_socket] = []
    for by_socket, rest in together.items():
        yield by_socket, b",".join(rest)


def elements_of(message: bytes) -> list[bytes]:
    """What a list of the message is taken apart into, with nothing lost between; or the whole of what is no list."""
    try:
        elements = split_array(b"[" + message + b"]")
    except SetAside:
        return [message]
    assert b",".join(elements) == message
    return elements
