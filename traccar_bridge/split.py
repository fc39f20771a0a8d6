"""Messages of the socket and answers of REST, taken apart: each position or device is text still. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from itrack.errors import SetAside

__all__ = ["Frame", "split_array", "split_frame"]


class _Frame(msgspec.Struct):
    """One message of the socket. Other keys (`events`, `logs`) are of no use here."""

    positions: list[msgspec.Raw] = []
    devices: list[msgspec.Raw] = []


_frame_decoder = msgspec.json.Decoder(_Frame)
_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_ONE_KEY = re.compile(rb'\s*\{\s*"(positions|devices)"\s*:(.*)\}\s*', re.DOTALL)
_TEXT_OR_MARK = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Frame:
    """The texts of the positions and devices of one message of the socket; both empty in a keepalive."""

    positions: list[bytes]
    devices: list[bytes]


def split_frame(data: bytes) -> Frame:
    """The parts of a message of the socket, so that a bad one does not spoil the others.

    Raises:
        SetAside: the message is no JSON object of Traccar's kind.
    """
    try:
        frame = _frame_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        found = _ONE_KEY.fullmatch(data)
        elements = _elements(found[2]) if found else None
        if found is None or elements is None:
            raise SetAside(
                "not_a_frame", f"the message is no JSON object with lists ({type(error).__name__})"
            ) from None
        return Frame(elements, []) if found[1] == b"positions" else Frame([], elements)
    return Frame([bytes(raw) for raw in frame.positions], [bytes(raw) for raw in frame.devices])


def split_array(data: bytes) -> list[bytes]:
    """The elements of a REST answer.

    Raises:
        SetAside: the answer is no JSON array.
    """
    try:
        return [bytes(raw) for raw in _array_decoder.decode(data)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        elements = _elements(data)
        if elements is None:
            raise SetAside("not_an_array", f"the answer is no JSON array ({type(error).__name__})") from None
        return elements


def _elements(data: bytes) -> list[bytes] | None:
    """The elements of an array that JSON's readers refuse for what is in one of them; None when brackets do not fit.

    Only brackets and commas outside of texts count: `NaN`, bad UTF-8, endless numbers and depths are somebody else's.
    """
    data = data.strip()
    if not data.startswith(b"["):
        return None
    elements: list[bytes] = []
    depth, start = 0, 1
    for found in _TEXT_OR_MARK.finditer(data):
        mark = data[found.start() : found.start() + 1]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
            if depth == 0:
                elements.append(data[start : found.start()])
                is_empty = len(elements) == 1 and not elements[0].strip()
                return None if found.end() < len(data) else [] if is_empty else elements
        elif mark == b"," and depth == 1:
            elements.append(data[start : found.start()])
            start = found.end()
    return None
