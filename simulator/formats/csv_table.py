"""CSV with a header line. Many names are understood for each column; others are ignored."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from simulator.formats.points import Collector
from simulator.tracks import TrackFile

__all__ = ["COLUMNS", "read_csv"]

COLUMNS = {
    "track": (
        *("user_id", "device_id", "deviceid", "unique_id", "uniqueid", "track_id", "trip_id", "person_id"),
        *("user", "uid", "device", "track", "id", "name"),
    ),
    "time": (
        *("time_utc", "measured_at", "fixed_at", "fixtime", "tracked_at", "datetime", "date_time"),
        *("timestamp", "time", "t"),
    ),
    "latitude": ("latitude_deg", "latitude", "lat", "y"),
    "longitude": ("longitude_deg", "longitude", "lon", "lng", "long", "x"),
    "altitude_m": ("altitude_m", "altitude", "elevation", "ele", "alt"),
    "speed_mps": ("speed_mps", "speed"),
    "course_deg": ("course_deg", "course", "heading", "bearing"),
    "accuracy_m": ("accuracy_m", "horizontal_accuracy", "accuracy", "hacc"),
    "battery_pct": ("battery_pct", "battery_level", "battery", "batt"),
}
"""Names of each column, the likeliest first; capitals do not matter. Speeds are metres per second."""


def read_csv(lines: Iterable[str], file_name: str, stem: str) -> TrackFile:
    """Read a table of points.

    Args:
        lines: of text.
        file_name: for problems.
        stem: the name of the only track, when no column names tracks.
    """
    collector = Collector(file_name)
    reader = csv.reader(line.replace("\0", "") for line in lines)
    header = next(reader, [])
    places = _places(header)
    missing = [name for name in ("time", "latitude", "longitude") if name not in places]
    if missing:
        collector.complain("", "no_column", f"no column for {' and '.join(missing)} among {', '.join(header)[:200]}.")
        return collector.done()
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            collector.complain(f"line {reader.line_num}", "broken_row", f"the row cannot be read ({error}).")
            continue
        if row is None:
            return collector.done()
        if row:
            said = {name: row[place] for name, place in places.items() if place < len(row)}
            collector.add(said.get("track") or stem, f"line {reader.line_num}", said)


def _places(header: Sequence[str]) -> dict[str, int]:
    at = {name.strip().strip("\ufeff").lower(): place for place, name in reversed(list(enumerate(header)))}
    return {
        column: next(at[name] for name in names if name in at)
        for column, names in COLUMNS.items()
        if any(name in at for name in names)
    }
