"""Two Traccar servers, each with its bridge, into one MongoDB: neither touches what is the other's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from itrack.mongo import BOOKMARKS, DEVICES, FIXES, SET_ASIDE
from simulator.stand_in.records import encode
from simulator.stand_in.server import StandIn, stand_in_traccar
from tests.support.ports import free_ports
from traccar_bridge.dead_letters import replay_set_aside

pytestmark = pytest.mark.services

Line = Any
WaitUntil = Callable[..., None]
NOW = int(time.time())


@pytest.fixture
def depot() -> Iterator[StandIn]:
    """The second server; its devices and positions have the numbers of the first one's."""
    with stand_in_traccar(keepalive_s=0.5) as running:
        running.add_device("cleo")
        running.add_device("dora")
        yield running


def test_two_servers_share_a_database_and_nothing_else(line: Line, depot: StandIn, wait_until: WaitUntil) -> None:
    """Fixes, devices, removals, bookmarks and what is set aside stay apart, though the numbers are the same."""
    (port,) = free_ports(1)
    sign_in = {"traccar_url": depot.web_url, "traccar_token": SecretStr(depot.token)}
    line.start_bridge()
    line.start_bridge(traccar_name="depot", bridge_metrics_port=port, **sign_in)

    def sent_to(traccar: StandIn, phone: str, at_s: int) -> None:
        line.traccar, first = traccar, line.traccar
        line.send(phone, at_s)
        line.traccar = first

    for number in range(5):
        sent_to(line.traccar, "anna", NOW + number)
        sent_to(depot, "cleo", NOW + number)
        sent_to(depot, "cleo", NOW - number - 1)  # late
    ids = {f"main:{number}" for number in range(1, 6)} | {f"depot:{number}" for number in range(1, 11)}
    wait_until(lambda: line.stored() == ids)
    assert {each["device_id"] for each in line.database[FIXES].find()} == {"main:1", "depot:1"}
    assert {each["unique_id"] for each in line.database[DEVICES].find()} == {"anna", "ben", "cleo", "dora"}
    assert line.metric('itrack_bridge_active{server="main",share="0"}') == 1
    assert line.metric('itrack_bridge_active{server="depot",share="0"}', port) == 1

    line.as_administrator("DELETE", "/devices/1")
    wait_until(lambda: line.database[DEVICES].find_one({"_id": "main:1", "status": "removed"}))
    assert line.database[DEVICES].find_one({"_id": "depot:1"})["status"] == "online"
    sent_to(depot, "cleo", NOW + 10)
    wait_until(lambda: "depot:11" in line.stored())

    broken = {**json.loads(encode(depot.stored_positions()[0])), "id": 900, "deviceId": 2, "latitude": "north"}
    for traccar in (line.traccar, depot):
        traccar.push_frame(2, json.dumps({"positions": [broken]}))
    wait_until(lambda: line.database[SET_ASIDE].count_documents({}) == 2)
    origins = {each["origin"] for each in line.database[SET_ASIDE].find()}
    assert origins == {"traccar:main/websocket", "traccar:depot/websocket"}
    mended = json.dumps({**broken, "latitude": 47.0})
    line.database[SET_ASIDE].update_one({"origin": "traccar:depot/websocket"}, {"$set": {"raw": mended}})
    replay_set_aside(line.database)
    assert {each["origin"] for each in line.database[SET_ASIDE].find()} == {"traccar:main/websocket"}
    assert line.database[FIXES].find_one({"_id": "depot:900"})["device_id"] == "depot:2"

    def settled(name: str) -> int:
        return int((line.database[BOOKMARKS].find_one({"_id": name}) or {}).get("settled_id", 0))

    wait_until(lambda: settled("bridge:main") == 5)
    wait_until(lambda: settled("bridge:depot") > 5)


def test_a_server_that_is_down_does_not_hold_up_the_other(line: Line, depot: StandIn, wait_until: WaitUntil) -> None:
    """One server's trouble shows in its bridge's health only."""
    (port,) = free_ports(1)
    sign_in = {"traccar_url": depot.web_url, "traccar_token": SecretStr(depot.token)}
    line.start_bridge()
    line.start_bridge(traccar_name="depot", bridge_metrics_port=port, **sign_in)
    depot.stop()
    wait_until(lambda: not line.health(port)["healthy"])
    line.send("anna", NOW)
    line.send("anna", NOW - 60)
    line.wait_complete(2)
    assert line.health()["healthy"]
