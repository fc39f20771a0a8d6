"""Hostile and malformed input, and a MongoDB that goes away, on the real line."""

from __future__ import annotations

import dataclasses
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.mongod import mongod_program
from infra.process import Child
from infra.workspace import Workspace
from itrack.device import Device
from itrack.mongo import DEVICES, FIXES, SET_ASIDE, ensure_indexes, open_database
from itrack.settings import Settings
from simulator.stand_in.records import encode
from tests.support.ports import free_ports
from traccar_bridge.device_writer import DeviceWriter
from traccar_bridge.store import FixStore

pytestmark = pytest.mark.services

Line = Any
WaitUntil = Callable[..., None]
NOW = int(time.time())


def good(line: Line) -> dict[str, Any]:
    """The JSON of the position that Traccar stored last."""
    position: dict[str, Any] = json.loads(encode(line.traccar.stored_positions()[-1]))
    return position


def test_malformed_positions_are_kept_and_stop_nothing(line: Line, wait_until: WaitUntil) -> None:
    """Each bad position among good ones is in `set_aside` with its reason; the good ones of the frame are stored."""
    line.start_bridge()
    line.send("anna", NOW)
    line.wait_complete(1)
    bad = [
        {"id": 2},
        {**good(line), "id": 900, "latitude": "NaN"},
        {**good(line), "id": 901, "latitude": 1e308},
        {**good(line), "id": 902, "longitude": None},
        {**good(line), "id": 903, "attributes": {"text": "x" * 1_000_000}},
        {**good(line), "id": "904; DROP TABLE"},
        "not even an object",
        float("nan"),
    ]
    strange = {
        **good(line),
        "id": 2,
        "attributes": {"$where": "1", "a.b": {"c": [None, {"$set": 1}]}, "\u0000": "\u202e"},
    }
    line.traccar.push_frame(1, json.dumps({"positions": [*bad, strange]}))
    line.traccar.push_frame(1, "{ not json")
    line.traccar.push_frame(1, '{"positions": "none"}')
    wait_until(lambda: "main:2" in line.stored())
    wait_until(lambda: line.database[SET_ASIDE].count_documents({}) >= len(bad) + 2)
    reasons = [letter["reason"] for letter in line.database[SET_ASIDE].find()]
    assert sorted(reasons) == sorted(
        [
            "missing_field", "wrong_type", "latitude_out_of_range", "wrong_type", "too_large", "wrong_type",
            "wrong_type", "not_json", "not_a_frame", "not_a_frame",
        ]
    )  # fmt: skip
    assert json.loads(line.database[FIXES].find_one({"_id": "main:2"})["attributes_json"])["$where"] == "1"
    line.send("anna", NOW + 1)
    assert line.metric('itrack_bridge_set_aside_total{reason="too_large"}') == 1
    assert line.health()["healthy"]


def test_malformed_position_in_rest_is_settled(line: Line, wait_until: WaitUntil) -> None:
    """A stored position that cannot be read is set aside once and not asked for again."""
    line.send("anna", NOW)
    child = line.start_bridge()
    line.wait_complete(1)
    child.stop()
    line.send("anna", NOW + 1)
    line.send("anna", NOW + 2)
    line.traccar.stop()
    line.traccar.spoil_position(2, latitude=470.0)
    line.traccar.start()
    line.start_bridge()
    wait_until(lambda: line.stored() == {"main:1", "main:3"})
    wait_until(lambda: line.database[SET_ASIDE].count_documents({"reason": "latitude_out_of_range"}) == 1)
    wait_until(lambda: line.metric("itrack_bridge_settled_position_id") == 3)


def test_reused_id_is_set_aside(line: Line, wait_until: WaitUntil) -> None:
    """When Traccar's database was replaced its ids begin anew: no fix is taken for an old one without a word."""
    line.start_bridge()
    line.send("anna", NOW)
    line.wait_complete(1)
    line.traccar.push_frame(1, json.dumps({"positions": [{**good(line), "fixTime": "2026-01-01T00:00:00.000+00:00"}]}))
    wait_until(lambda: line.database[SET_ASIDE].find_one({"reason": "fix_id_reused"}) is not None)


@pytest.fixture
def own_mongod(settings: Settings, tmp_path: Path) -> Iterator[tuple[Settings, Child]]:
    """A MongoDB of the test's own, which it may stop and freeze."""
    (port,) = free_ports(1)
    own = settings.model_copy(update={"mongodb_uri": None, "mongodb_port": port, "home": tmp_path / "own"})
    workspace = Workspace(own)
    workspace.prepare()
    mongod = Child(dataclasses.replace(mongod_program(workspace, own), stop_within_s=5.0), tmp_path)
    mongod.start()
    mongod.wait_ready()
    ensure_indexes(open_database(own, part="test"))
    yield own, mongod
    if mongod.pid:
        psutil.Process(mongod.pid).send_signal(signal.SIGCONT)
    mongod.stop()


def test_nothing_is_lost_while_mongodb_is_away(
    line: Line, own_mongod: tuple[Settings, Child], wait_until: WaitUntil
) -> None:
    """Killed and frozen for a while, MongoDB gets every fix in the end; the health tells of it meanwhile."""
    own, mongod = own_mongod
    line.database = open_database(own, part="test")
    own_mongodb = {"mongodb_uri": None, "mongodb_port": own.mongodb_port}
    bridge = line.start_bridge(**own_mongodb)
    line.send("anna", NOW)
    line.wait_complete(1)
    psutil.Process(mongod.pid).kill()
    wait_until(lambda: mongod.pid is None)
    for number in range(1, 200):
        line.send("anna", NOW + number)
        line.send("anna", NOW - number)
    wait_until(lambda: not line.health()["healthy"], within_s=30)
    mongod.start()
    mongod.wait_ready()
    line.wait_complete(399, within_s=60)
    psutil.Process(mongod.pid).send_signal(signal.SIGSTOP)
    for number in range(200, 300):
        line.send("anna", NOW + number)
    time.sleep(2)
    psutil.Process(mongod.pid).send_signal(signal.SIGCONT)
    line.wait_complete(499, within_s=60)
    psutil.Process(mongod.pid).kill()
    line.send("anna", NOW + 300)
    time.sleep(1)
    began_s = time.monotonic()
    bridge.stop()
    assert time.monotonic() - began_s < 15, "SIGTERM must end the bridge in seconds, MongoDB or not"


def test_what_waits_for_mongodb_survives_a_kill(
    line: Line, own_mongod: tuple[Settings, Child], wait_until: WaitUntil
) -> None:
    """Live fixes that came while MongoDB was away are stored although the bridge was killed and Traccar lost them."""
    own, mongod = own_mongod
    line.database = open_database(own, part="test")
    own_mongodb = {"mongodb_uri": None, "mongodb_port": own.mongodb_port}
    bridge = line.start_bridge(**own_mongodb)
    line.send("anna", NOW)
    line.wait_complete(1)
    psutil.Process(mongod.pid).kill()
    wait_until(lambda: mongod.pid is None)
    for number in range(1, 100):
        line.send("anna", NOW + number)
    wait_until(lambda: line.metric("itrack_bridge_spool_items") == 99, within_s=30)
    psutil.Process(bridge.pid).kill()
    in_traccar = line.in_traccar()
    span = "from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
    line.as_administrator("DELETE", f"/positions?deviceId=1&{span}")
    assert line.in_traccar() == set()
    mongod.start()
    mongod.wait_ready()
    line.start_bridge(**own_mongodb)
    wait_until(lambda: line.stored() == in_traccar, within_s=60)
    wait_until(lambda: line.metric("itrack_bridge_spool_items") == 0)


def test_device_writer_is_well_again(own_mongod: tuple[Settings, Child], wait_until: WaitUntil) -> None:
    """A device's state that could not be written is written when MongoDB is back, and the trouble ends with its own."""
    own, mongod = own_mongod
    database = open_database(own, part="test", timeout_s=1.0)
    writer, stopping = DeviceWriter(FixStore(database, "main")), threading.Event()
    heard: list[bool] = []
    work = threading.Thread(
        target=writer.work, args=(stopping, lambda _error: heard.append(False), lambda: heard.append(True))
    )
    psutil.Process(mongod.pid).kill()
    wait_until(lambda: mongod.pid is None)
    writer.offer(
        Device(device_id="main:1", unique_id="anna", name="Anna", status="online", disabled=False, last_report_at=None)
    )
    work.start()
    try:
        wait_until(lambda: False in heard)
        mongod.start()
        wait_until(lambda: heard[-1])
        assert database[DEVICES].find_one({"_id": "main:1"})["status"] == "online"
    finally:
        stopping.set()
        work.join()
        database.client.close()


def test_a_page_instead_of_rest_does_not_end_the_bridge(line: Line, wait_until: WaitUntil) -> None:
    """A maintenance page with status 200 is told by the health and survived; what came meanwhile is fetched."""
    line.start_bridge()
    line.traccar.faults.rest_status = 200
    line.traccar.cut_sockets()
    wait_until(lambda: "no list" in str(line.health()["detail"]))
    line.send("anna", NOW)
    line.traccar.faults.rest_status = None
    line.wait_complete(1)
    wait_until(lambda: line.health()["healthy"])
