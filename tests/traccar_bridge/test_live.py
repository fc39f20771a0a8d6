"""What becomes of the socket's messages when there is no room for them."""

from __future__ import annotations

import json

import pytest
from prometheus_client import REGISTRY

from itrack.mongo import open_database
from itrack.settings import load_settings
from traccar_bridge.live import Live
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.roster import Roster
from traccar_bridge.sightings import Sightings
from traccar_bridge.store import FixStore


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"{ not json", id="frame"),
        pytest.param(json.dumps({"positions": [{"id": 2}]}).encode(), id="position"),
        pytest.param(json.dumps({"devices": ["none"]}).encode(), id="device"),
    ],
)
def test_unusable_input_without_room_is_left_to_reconciliation(message: bytes) -> None:
    """While the queue is full nothing vanishes without a word: it is counted, and reconciliation is to look soon."""
    database = open_database(load_settings(), part="test")  # never asked: nothing gets through the queue
    sightings = Sightings(doubt_s=3600.0)
    full = LiveWriter(FixStore(database, "main"), most_waiting=0)
    before = REGISTRY.get_sample_value("itrack_bridge_fixes_deferred_total") or 0.0
    Live(Roster(), sightings, full, "main").take(message)
    assert REGISTRY.get_sample_value("itrack_bridge_fixes_deferred_total") == before + 1
    assert sightings.take() == (set(), True, False)
    database.client.close()
