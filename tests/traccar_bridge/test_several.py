"""Several bridges for one Traccar server: one serves each share of its devices, the others stand by and take over."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo.database import Database

from itrack.lease import LeaseLost
from itrack.mongo import BOOKMARKS, DEVICES, Document, open_database
from itrack.settings import Settings
from simulator.stand_in.server import stand_in_traccar
from tests.support.ports import free_ports
from traccar_bridge.bookmarks import BridgeBookmarks

pytestmark = pytest.mark.services

Line = Any
WaitUntil = Callable[..., None]
NOW = int(time.time())
ACTIVE = 'itrack_bridge_active{{server="main",share="{}"}}'


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_another_bridge_takes_over(line: Line, wait_until: WaitUntil, fault: signal.Signals) -> None:
    """One of two works; when it dies, freezes or stops, the other follows Traccar seconds later, and nothing is lost.

    The one that was frozen stands by when it wakes.
    """
    (port,) = free_ports(1)
    first = line.start_bridge()
    second = line.start_bridge(bridge_metrics_port=port)
    assert "standing by" in str(line.health(port)["detail"])
    line.send("anna", NOW)
    line.wait_complete(1, within_s=5)
    assert (line.metric(ACTIVE.format(0)), line.metric(ACTIVE.format(0), port)) == (1, 0)
    assert line.metric("itrack_bridge_fixes_stored_total", port) == 0
    os.kill(first.pid, fault)
    line.send("anna", NOW - 60)
    line.send("anna", NOW + 1)
    wait_until(lambda: line.metric(ACTIVE.format(0), port) == 1, within_s=12)
    line.wait_complete(3, within_s=10)
    if fault is signal.SIGSTOP:
        os.kill(first.pid, signal.SIGCONT)
        wait_until(lambda: line.metric(ACTIVE.format(0)) == 0, within_s=10)
        wait_until(lambda: line.health()["healthy"])
        assert "standing by" in str(line.health()["detail"])
        line.send("anna", NOW - 61)
        line.wait_complete(4)
        second.stop()
        line.send("anna", NOW + 2)
        line.wait_complete(5)
        assert line.metric(ACTIVE.format(0)) == 1


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    database = open_database(settings, part="test")
    yield database
    database.client.close()


def test_bookmarks_of_a_bridge_that_lost_its_lease_do_not_count(database: Database[Document]) -> None:
    """What it knew may be old: a settled id, or a device whose past is read, which was taken away and given again."""
    old = BridgeBookmarks(database, "main", term=1)
    old.begin()
    old.save_settled_id(100)
    old.save_histories(["main:1", "main:2"])
    new = BridgeBookmarks(database, "main", term=2)
    new.begin()
    assert new.settled_id() == 100
    assert new.histories().keys() == {"main:1", "main:2"}
    new.save_settled_id(200)
    new.forget_histories(["main:2"])
    with pytest.raises(LeaseLost):
        old.save_settled_id(100)
    with pytest.raises(LeaseLost):
        old.save_histories(["main:1"])
    old.save_histories(["main:2"])  # nothing of the new term stands in the way …
    old.forget_histories(["main:1"])
    assert new.settled_id() == 200
    assert new.histories().keys() == {"main:1"}
    third = BridgeBookmarks(database, "main", term=3)
    third.begin()
    assert third.histories().keys() == {"main:1"}  # … and all the same it does not count
    third.save_histories(["main:2"])
    assert third.histories().keys() == {"main:1", "main:2"}


def test_a_term_that_ended_while_it_began_loses_nothing(database: Database[Document]) -> None:
    """A bridge that dies while it takes the bookmarks over leaves them to the next one, whole."""
    first = BridgeBookmarks(database, "main", term=1)
    first.begin()
    first.save_settled_id(100)
    first.save_histories(["main:1", "main:2"])
    database[BOOKMARKS].update_one({"_id": "bridge:main/main:1"}, {"$set": {"term": 2}})
    third = BridgeBookmarks(database, "main", term=3)
    third.begin()
    assert third.settled_id() == 100
    assert third.histories().keys() == {"main:1", "main:2"}


def test_devices_are_split_among_several_bridges(line: Line, wait_until: WaitUntil) -> None:
    """With two bridges that share the devices every fix arrives: live, late, of a new device, and while one is dead.

    The third stands by, and takes the share whose bridge dies.
    """
    ports = [line.settings.bridge_metrics_port, *free_ports(2)]
    bridges = [line.start_bridge(bridge_shards=2, bridge_metrics_port=port, bridge_reconcile_s=3.0) for port in ports]
    assert [line.metric(ACTIVE.format(0), port) for port in ports] == [1, 0, 0]
    assert [line.metric(ACTIVE.format(1), port) for port in ports] == [0, 1, 0]
    for second in range(10):
        line.send("anna", NOW + second)  # device 1
    for second in range(5):
        line.send("ben", NOW + second)  # device 2
    line.wait_complete(15)
    assert line.metric("itrack_bridge_fixes_stored_total", ports[1]) > 0
    assert line.metric("itrack_bridge_fixes_stored_total", ports[2]) == 0
    line.send("anna", NOW - 60)
    line.send("ben", NOW - 60)
    line.wait_complete(17)
    os.kill(bridges[1].pid, signal.SIGKILL)
    line.send("anna", NOW + 20)
    wait_until(lambda: line.metric(ACTIVE.format(1), ports[2]) == 1, within_s=12)
    line.send("anna", NOW + 21)
    line.wait_complete(19)
    number = line.traccar.add_device("cleo")
    line.send("cleo", NOW)
    line.wait_complete(20)
    wait_until(lambda: line.database[DEVICES].find_one({"_id": f"main:{number}", "status": "online"}))
    line.as_administrator("DELETE", f"/devices/{number}")
    wait_until(lambda: line.database[DEVICES].find_one({"_id": f"main:{number}"})["status"] == "removed")


def test_two_servers_by_one_name_are_told_apart(line: Line, wait_until: WaitUntil) -> None:
    """A second server that was given no name of its own is not taken for the first one's spare."""
    (port,) = free_ports(1)
    line.start_bridge()
    with stand_in_traccar() as other:
        line.start_bridge(wait=False, bridge_metrics_port=port, traccar_url=other.web_url, traccar_token=other.token)
        wait_until(lambda: "ITRACK_TRACCAR_NAME" in str(line.health(port).get("detail")))
        assert line.metric(ACTIVE.format(0), port) == 0
        assert not line.health(port)["healthy"]
