"""A fix in few words, for the tests of the live map."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from itrack.fix import Fix

__all__ = ["NOON", "make_fix"]

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def make_fix(number: int = 0, *, device: str = "main:1", at: datetime | None = None, **changes: object) -> Fix:
    """Fix `number` of a device: so many seconds after noon and steps to the north, received one second later."""
    fixed_at = at or NOON + timedelta(seconds=number)
    values: dict[str, object] = {
        "fix_id": f"{device}-{number}",
        "device_id": device,
        "fixed_at": fixed_at,
        "device_at": fixed_at,
        "server_at": fixed_at + timedelta(seconds=1),
        "latitude_deg": 47.0 + number * 0.0001,
        "longitude_deg": 8.0,
        "stored_at": fixed_at + timedelta(seconds=1),
    }
    return Fix(**(values | changes))  # type: ignore[arg-type]
