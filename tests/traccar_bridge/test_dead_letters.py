"""What the bridge has set aside is used once it can be, and only then."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pymongo.database import Database

from itrack.device import Device
from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.mongo import DEVICES, FIXES, SET_ASIDE, Document, open_database
from itrack.settings import Settings
from itrack.wire import dead_letter, document_of, encode_fix
from traccar_bridge.dead_letters import count_set_aside, replay_set_aside
from traccar_bridge.store import FixStore

pytestmark = pytest.mark.services

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    database = open_database(settings, part="test")
    for number, status in ((1, "online"), (2, "removed")):
        device = Device(device_id=f"main:{number}", unique_id=f"phone-{number}", name="", status=status)
        database[DEVICES].insert_one(document_of(device))
    yield database
    database.client.close()


def position(number: int, device: int = 1, **more: object) -> str:
    """A position as Traccar writes it."""
    at = AT.isoformat()
    times = {"fixTime": at, "deviceTime": at, "serverTime": at}
    return json.dumps({"id": number, "deviceId": device, "latitude": 47.0, "longitude": 8.0, **times, **more})


def set_aside(database: Database[Document], raw: str | bytes, reason: str, way: str = "rest") -> None:
    letter = dead_letter(f"traccar:main/{way}", SetAside(reason, "in a test"), raw, AT)
    FixStore(database, "main").set_aside([letter])


def stored(database: Database[Document]) -> list[str]:
    return sorted(document["_id"] for document in database[FIXES].find({}, {"_id": 1}))


def test_only_what_can_be_decoded_now_is_stored(database: Database[Document]) -> None:
    """Positions of followed devices are stored; hostile text, other devices and hidden ones stay with their reason."""
    set_aside(database, position(1), "once_unknown")
    set_aside(database, position(2), "once_unknown", "websocket")
    set_aside(database, position(3, latitude=470), "latitude_out_of_range")
    set_aside(database, b"{ \xff not json \x00 $where", "not_json")
    set_aside(database, position(4, device=2), "once_unknown")
    set_aside(database, position(5, device=99), "once_unknown")
    database[SET_ASIDE].insert_one({"_id": "strange", "what": {"$a": 1}} | {"reason": ["no", "text"]})
    done, left = replay_set_aside(database)
    assert stored(database) == ["main:1", "main:2"]
    assert done == Counter({"once_unknown": 2})
    assert left == count_set_aside(database)
    assert left == Counter({"once_unknown": 2, "latitude_out_of_range": 1, "not_json": 1, "['no', 'text']": 1})


def test_replay_twice_is_replay_once(database: Database[Document]) -> None:
    """A second replay finds nothing to do, and one that was killed before it removed the letter changes nothing."""
    set_aside(database, position(1), "once_unknown")
    replay_set_aside(database)
    before = database[FIXES].find_one()
    assert replay_set_aside(database) == (Counter(), Counter())
    set_aside(database, position(1), "once_unknown")
    assert replay_set_aside(database) == (Counter({"once_unknown": 1}), Counter())
    assert database[FIXES].find_one() == before


def test_reused_identifier_stays_until_it_is_free(database: Database[Document]) -> None:
    """A fix whose identifier belongs to another one never replaces it."""
    fix = Fix(
        fix_id="main:1",
        device_id="main:1",
        fixed_at=AT,
        device_at=AT,
        server_at=AT,
        latitude_deg=47.0,
        longitude_deg=8.0,
    )
    set_aside(database, encode_fix(fix), "fix_id_reused", "fix")
    database[FIXES].insert_one({"_id": "main:1", "device_id": "main:7"})
    assert replay_set_aside(database) == (Counter(), Counter({"fix_id_reused": 1}))
    assert database[FIXES].find_one({"_id": "main:1"}) == {"_id": "main:1", "device_id": "main:7"}
    database[FIXES].delete_many({})
    assert replay_set_aside(database) == (Counter({"fix_id_reused": 1}), Counter())
    assert stored(database) == ["main:1"]


def test_many_letters_and_a_chosen_reason(database: Database[Document]) -> None:
    """Letters beyond one batch are all seen, and a chosen reason leaves the others alone."""
    letters = [
        dead_letter("traccar:main/rest", SetAside(reason, ""), position(number), AT)
        for number in range(1, 1_201)
        for reason in ("first", "second")
    ]
    FixStore(database, "main").set_aside(letters)
    assert replay_set_aside(database, "first") == (Counter({"first": 1_200}), Counter())
    assert count_set_aside(database) == Counter({"second": 1_200})
    assert len(stored(database)) == 1_200
