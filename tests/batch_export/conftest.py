"""Recorded tracks in MongoDB, as the bridge would have written them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo.database import Database

from itrack.fix import Fix
from itrack.mongo import FIXES, Document, open_database
from itrack.settings import Settings
from itrack.wire import fix_document
from simulator.track_files import read_track_file

RECEIVED_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    """This test's own database."""
    database = open_database(settings, part="tests")
    yield database
    database.client.close()


@pytest.fixture
def stored_fixes(database: Database[Document], real_tracks: Path) -> list[Fix]:
    """Every point of the recorded tracks as a fix, stored."""
    fixes = [
        Fix(
            fix_id=f"main:{device}-{number}",
            device_id=f"main:{device}",
            fixed_at=point.measured_at,
            device_at=point.measured_at,
            server_at=RECEIVED_AT,
            latitude_deg=point.latitude_deg,
            longitude_deg=point.longitude_deg,
            altitude_m=point.altitude_m,
            speed_mps=point.speed_mps,
            accuracy_m=point.accuracy_m,
            stored_at=RECEIVED_AT,
        )
        for device, track in enumerate(read_track_file(real_tracks).tracks, start=1)
        for number, point in enumerate(track.points)
    ]
    database[FIXES].insert_many([fix_document(fix) for fix in fixes])
    return fixes
