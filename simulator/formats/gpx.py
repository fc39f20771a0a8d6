"""GPX 1.0 and 1.1: tracks and routes. A document type is refused: it is how XML bombs come."""

from __future__ import annotations

from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from simulator.formats.points import Collector
from simulator.tracks import TrackFile

__all__ = ["read_gpx"]

_FIELDS = {
    "time": "time",
    "ele": "altitude_m",
    "speed": "speed_mps",
    "course": "course_deg",
    "accuracy": "accuracy_m",
}


def read_gpx(stream: BinaryIO, file_name: str, stem: str) -> TrackFile:
    """Read a GPX document.

    A document that breaks off still gives the points before the break.

    Args:
        stream: of its bytes.
        file_name: for problems.
        stem: names the tracks: `stem`, `stem-2`, …
    """
    collector = Collector(file_name)
    count = 0
    points = 0
    try:
        for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
            tag = _local(element)
            if event == "start":
                count += tag in {"trk", "rte"}
            elif tag in {"trkpt", "rtept"}:
                points += 1
                collector.add(stem if count < 2 else f"{stem}-{count}", f"point {points}", _said(element))
                element.clear()
    except ParseError as error:
        collector.complain("", "broken_xml", f"the XML breaks off ({error}); what came before was read.")
    except DefusedXmlException:
        collector.complain("", "unsafe_xml", "the XML declares a document type or entities; it was not read further.")
    return collector.done()


def _said(element: Element) -> dict[str, object]:
    said: dict[str, object] = {"latitude": element.get("lat"), "longitude": element.get("lon")}
    for child in element.iter():
        field = _FIELDS.get(_local(child))
        if field is not None:
            said.setdefault(field, child.text)
    return said


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
