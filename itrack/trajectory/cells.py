"""How many fixes of how many phones fell into which H3 cell during which window.

Counts are kept by parts: each shard of phones counts its own, and what it counts for one cell and window may come
in several parts when late fixes arrive after the earlier part was closed. A part is always told whole, so that
telling it twice changes nothing; the sum of the parts is the count. A phone whose fixes fall into two parts of one
cell and window is counted in both.
"""

from __future__ import annotations

import h3
import msgspec

from itrack.fix import Fix
from itrack.trajectory.point import point_of

__all__ = ["CellCounter", "CellPart", "CellState"]

_OPEN_WINDOWS = 2
"""A part that got nothing for so many windows, by the server's clock, is closed."""


class CellPart(msgspec.Struct, array_like=True):
    """What one shard counted for one cell and window since the part was opened.

    Attributes:
        cell: H3 index as text.
        window_ms: when the window starts (ms since 1970 UTC).
        opened_ms, touched_ms: server time of the part's first and newest fix.
        fix_count: fixes in it.
        device_ids: phones in it.
    """

    cell: str
    window_ms: int
    opened_ms: int
    touched_ms: int
    fix_count: int = 0
    device_ids: set[str] = set()


class CellState(msgspec.Struct, array_like=True):
    """The open parts of one shard, and the newest server time it has seen."""

    parts: dict[str, CellPart] = {}
    newest_server_ms: int = 0


class CellCounter:
    """Counts the fixes of one shard. The caller leaves out those that were set aside.

    Args:
        window_s: length of a window; windows start at multiples of it since 1970 UTC.
        resolution: H3 resolution of the cells.
        state: from the batch before.
    """

    def __init__(self, window_s: int, resolution: int, state: CellState) -> None:
        self._window_ms = window_s * 1000
        self._resolution = resolution
        self._touched: set[str] = set()
        self.state = state

    def count(self, fix: Fix) -> None:
        """Count one fix at the time it was measured, clamped to the server's."""
        point = point_of(fix)
        window_ms = point.at_ms - point.at_ms % self._window_ms
        cell = h3.latlng_to_cell(point.latitude_deg, point.longitude_deg, self._resolution)
        key = f"{window_ms}:{cell}"
        part = self.state.parts.get(key)
        if part is None:
            part = self.state.parts[key] = CellPart(cell, window_ms, point.server_ms, point.server_ms)
        part.fix_count += 1
        part.device_ids.add(fix.device_id)
        part.touched_ms = max(part.touched_ms, point.server_ms)
        self.state.newest_server_ms = max(self.state.newest_server_ms, point.server_ms)
        self._touched.add(key)

    def take_touched(self) -> list[CellPart]:
        """The parts that have changed since the last call. Parts that are long untouched are closed."""
        touched = [self.state.parts[key] for key in sorted(self._touched)]
        self._touched.clear()
        oldest_ms = self.state.newest_server_ms - _OPEN_WINDOWS * self._window_ms
        self.state.parts = {key: part for key, part in self.state.parts.items() if part.touched_ms >= oldest_ms}
        return touched
