"""GeoJSON: points with a time each, or lines with a list of times beside their coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from simulator.formats.csv_table import COLUMNS
from simulator.formats.points import Collector
from simulator.tracks import TrackFile

__all__ = ["read_geojson"]

_LISTS_OF_TIMES = ("coordTimes", "times", "timestamps")


def read_geojson(data: bytes, file_name: str, stem: str) -> TrackFile:
    """Read a FeatureCollection or one Feature.

    Point features are grouped by the property that names their track (see `COLUMNS`). A LineString or
    MultiLineString is a track of its own; its times stand in the property `coordTimes` (also `times`, `timestamps`,
    or `coordinateProperties.times`), one for each coordinate.

    Args:
        data: of the file.
        file_name: for problems.
        stem: names tracks that have no name.
    """
    collector = Collector(file_name)
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        collector.complain("", "broken_json", f"this is no JSON ({error}).")
        return collector.done()
    features = document.get("features") if isinstance(document, dict) and "features" in document else [document]
    for number, feature in enumerate(features if isinstance(features, list) else [features], start=1):
        where = f"feature {number}"
        try:
            points = list(_points(feature, stem, f"{stem}-{number}"))
        except (KeyError, TypeError, AttributeError, IndexError):
            collector.complain(where, "broken_feature", "this is no point or line with times; it was left out.")
            continue
        if not points:
            collector.complain(where, "no_points", "it holds no point; it was left out.")
        for at, (track, said) in enumerate(points, start=1):
            collector.add(track, where if len(points) == 1 else f"{where}, point {at}", said)
    return collector.done()


def _points(feature: Mapping[str, Any], stem: str, own_name: str) -> Iterator[tuple[str, dict[str, object]]]:
    geometry, properties = feature["geometry"], feature.get("properties") or {}
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind == "Point":
        said = _known(properties)
        yield str(said.pop("track", None) or stem), {**said, **_place(coordinates)}
        return
    if kind not in {"LineString", "MultiLineString"}:
        raise TypeError(kind)
    name = str(_known(properties).get("track") or own_name)
    times = next((properties[key] for key in _LISTS_OF_TIMES if key in properties), None)
    if times is None:
        times = properties["coordinateProperties"]["times"]
    lines = [coordinates] if kind == "LineString" else coordinates
    flat_times = [time for group in times for time in (group if isinstance(group, list) else [group])]
    flat = [coordinate for line in lines for coordinate in line]
    for at, coordinate in enumerate(flat):
        yield name, {"time": flat_times[at] if at < len(flat_times) else None, **_place(coordinate)}


def _known(properties: Mapping[str, Any]) -> dict[str, object]:
    lower = {str(name).lower(): value for name, value in properties.items()}
    return {
        column: next(lower[name] for name in names if name in lower)
        for column, names in COLUMNS.items()
        if any(name in lower for name in names)
    }


def _place(coordinate: Sequence[object]) -> dict[str, object]:
    longitude, latitude, *rest = coordinate
    place: dict[str, object] = {"latitude": latitude, "longitude": longitude}
    if rest:
        place["altitude_m"] = rest[0]
    return place
