"""Walkers whose fixes look like an export's, without any service."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from batch_export.parquet import TableFile
from batch_export.tables import TABLES, values_of
from itrack.fix import Fix

FIXES = next(table for table in TABLES if table.name == "fixes")

Walk = Callable[..., list[Fix]]


@pytest.fixture(scope="session")
def walk() -> Walk:
    """A person who strolls about for some hours, a fix every ten seconds."""

    def walked(day: int, person: int = 1, hours: float = 3.0, speed_mps: float = 1.3) -> list[Fix]:
        random = np.random.default_rng(day * 100 + person)
        begins_at = datetime(2026, 3, day, 9, tzinfo=UTC)
        count = int(hours * 360)
        course = np.cumsum(random.normal(0, 0.2, count))
        step_deg = np.abs(random.normal(speed_mps, 0.3, count)) * 10 / 111_195
        latitude = 52.0 + np.cumsum(step_deg * np.cos(course))
        longitude = 13.0 + np.cumsum(step_deg * np.sin(course)) / np.cos(np.radians(52.0))
        return [
            Fix(
                fix_id=f"main:{day}-{person}-{n}",
                device_id=f"main:{person}",
                fixed_at=begins_at + timedelta(seconds=10 * n),
                device_at=begins_at + timedelta(seconds=10 * n),
                server_at=begins_at + timedelta(seconds=10 * n),
                latitude_deg=float(latitude[n]),
                longitude_deg=float(longitude[n]),
                stored_at=begins_at,
            )
            for n in range(count)
        ]

    return walked


@pytest.fixture(scope="session")
def write() -> Callable[[Path, list[Fix]], None]:
    """Write fixes to a Parquet file as the export does."""

    def written(path: Path, fixes: list[Fix]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = TableFile(path, FIXES)
        for fix in fixes:
            file.append(values_of(fix, FIXES))
        file.close()

    return written
