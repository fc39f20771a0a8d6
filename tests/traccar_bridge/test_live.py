"""What becomes of the socket's messages when there is no room for them, and when other bridges share the devices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from itrack.device import Device
from itrack.fix import Fix
from itrack.mongo import open_database
from itrack.settings import load_settings
from itrack.wire import DeadLetter
from traccar_bridge.decode import decode_device
from traccar_bridge.device_writer import DeviceWriter
from traccar_bridge.live import Live
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.roster import Roster
from traccar_bridge.share import Share
from traccar_bridge.sightings import Sightings
from traccar_bridge.spool import Spool
from traccar_bridge.store import FixStore

POSITION = {
    "latitude": 47.0,
    "longitude": 8.0,
    **dict.fromkeys(("fixTime", "deviceTime", "serverTime"), "2026-11-22T12:32:17.105+00:00"),
}


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"{ not json", id="frame"),
        pytest.param(json.dumps({"positions": [{"id": 2}]}).encode(), id="position"),
        pytest.param(json.dumps({"devices": ["none"]}).encode(), id="device"),
    ],
)
def test_unusable_input_without_room_is_left_to_reconciliation(message: bytes, tmp_path: Path) -> None:
    """While the queue is full nothing vanishes without a word: it is counted, and reconciliation is to look soon."""
    database = open_database(load_settings(), part="test")  # never asked: nothing gets through the queue
    sightings = Sightings(doubt_s=3600.0)
    full = LiveWriter(FixStore(database, "main"), Spool(tmp_path, "main", 0), most_waiting=0)
    before = REGISTRY.get_sample_value("itrack_bridge_fixes_deferred_total") or 0.0
    Live(Roster(), sightings, writer=full, devices=DeviceWriter(FixStore(database, "main")), server="main").take(
        message
    )
    assert REGISTRY.get_sample_value("itrack_bridge_fixes_deferred_total") == before + 1
    doubted, blind_since_s, saw_stranger = sightings.take()
    assert (doubted, saw_stranger) == ({}, False)
    assert blind_since_s is not None
    database.client.close()


class Kept(LiveWriter):
    """Keeps what it is offered."""

    def __init__(self) -> None:
        self.fixes: list[str] = []
        self.letters = 0

    def offer(self, item: Fix | DeadLetter) -> bool:
        if isinstance(item, Fix):
            self.fixes.append(item.fix_id)
        else:
            self.letters += 1
        return True


class KeptDevices(DeviceWriter):
    """Keeps what it is offered."""

    def __init__(self) -> None:
        self.devices: list[str] = []

    def offer(self, device: Device) -> None:
        self.devices.append(device.device_id)


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_every_fix_is_for_one_of_the_bridges(shards: int) -> None:
    """Each fix and each device's state is handed on by one bridge only; what cannot be read by the first at least.

    The first bridge notes what was shown of all devices, since it alone looks for what was not.
    """
    devices = [json.dumps({"id": number, "uniqueId": f"phone-{number}"}).encode() for number in range(1, 8)]
    known = [decode_device(raw, "main") for raw in devices]
    positions = [json.dumps({**POSITION, "id": 100 + number, "deviceId": number}) for number in range(1, 8)]
    frames = [
        f'{{"positions":[{",".join(positions)}, {{"id": 2}}]}}'.encode(),
        b'{"devices":[' + b",".join(devices) + b"]}",
    ]
    kept, letters = [], []
    for number in range(shards):
        roster, sightings, writer, states = Roster(), Sightings(doubt_s=0.0), Kept(), KeptDevices()
        roster.replace(known)
        live = Live(roster, sightings, writer=writer, devices=states, server="main", share=Share(number, shards))
        for frame in frames:
            live.take(frame)
        kept.append((writer.fixes, states.devices))
        letters.append(writer.letters)
        if number == 0:
            assert sightings.highest_id == 107
    assert sorted(each for fixes, _ in kept for each in fixes) == [f"main:{number}" for number in range(101, 108)]
    assert sorted(each for _, states in kept for each in states) == [f"main:{number}" for number in range(1, 8)]
    for number, (fixes, states) in enumerate(kept):
        assert {int(each.partition(":")[2]) % shards for each in states} == {number}
        assert {(int(each.partition(":")[2]) - 100) % shards for each in fixes} == {number}
    assert letters[0] == 1
