"""When reconciliation asks Traccar, and when it does not."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from itrack.errors import SetAside
from itrack.mongo import open_database
from itrack.settings import load_settings
from itrack.wire import dead_letter
from tests.support.ports import free_ports
from traccar_bridge.bookmarks import BridgeBookmarks
from traccar_bridge.errors import Down
from traccar_bridge.intake import Intake
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.reconcile import Reconciler
from traccar_bridge.roster import Roster
from traccar_bridge.share import Share
from traccar_bridge.sightings import Sightings
from traccar_bridge.sign_in import SignIns
from traccar_bridge.spool import Spool
from traccar_bridge.store import FixStore


def test_what_waits_on_disk_is_not_asked_for(tmp_path: Path) -> None:
    """As long as there is a spool, Traccar is not asked for what is in it; once it is empty, Traccar is asked."""
    (port,) = free_ports(1)
    settings = load_settings(traccar_url=f"http://127.0.0.1:{port}", traccar_token="any", home=tmp_path)
    database = open_database(settings, part="test")  # never asked
    spool, store, roster, stopping = Spool(tmp_path, "main", 2**20), FixStore(database, "main"), Roster(), _after(1.0)
    spool.append([dead_letter("traccar:main/websocket", SetAside("not_json", "…"), b"{", datetime.now(UTC))])
    reconciler = Reconciler(
        settings,
        sign_ins=SignIns(settings),
        bookmarks=BridgeBookmarks(database, "main", term=1),
        store=store,
        intake=Intake(store, roster, "main"),
        roster=roster,
        sightings=Sightings(5.0),
        writer=LiveWriter(store, spool),
        share=Share(),
        stopping=stopping,
    )
    reconciler.work(on_success=lambda: None)
    assert stopping.is_set()
    spool.remove_first(1)
    stopping.clear()
    with pytest.raises(Down):
        reconciler.work(on_success=lambda: None)
    spool.close()
    database.client.close()


def _after(seconds: float) -> threading.Event:
    event = threading.Event()
    threading.Timer(seconds, event.set).start()
    return event
