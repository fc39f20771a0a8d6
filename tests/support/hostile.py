"""Positions that no decent Traccar sends: malformed, absurd, enormous, and good ones with nonsense in them."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["hostile_positions"]

_GOOD = {
    "attributes": {"batteryLevel": 83.0, "distance": 0.0, "totalDistance": 0.0, "motion": True},
    "deviceId": 7,
    "protocol": "osmand",
    "serverTime": "2026-11-22T12:32:17.105+00:00",
    "deviceTime": "2026-11-22T12:27:16.000+00:00",
    "fixTime": "2026-11-22T12:27:16.000+00:00",
    "valid": True,
    "latitude": 47.6,
    "longitude": 8.5,
    "altitude": 55.0,
    "speed": 10.0,
    "course": 90.0,
    "address": None,
    "accuracy": 12.5,
    "network": None,
    "geofenceIds": None,
}
_NAMES = [
    "$where", "$set", "a.b", ".", "$", "..$", "\0", "", "_id", "schema", "__proto__", "constructor", "fix_id", "\u202e",
    "\ud800", "x" * 5_000, "latitude", "id",
]  # fmt: skip
_TEXTS = [
    "", "\0", "NaN", "null", "1e308", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "'; DROP TABLE fixes; --",
    "\u202egnirts", "\ud800", "\udfff\ud83d", "\U0001f6b6", "\ufeff", "a\nb\r\tc", "{$gt: 0}", "é" * 70_000,
]  # fmt: skip
_NUMBERS = [
    0, -0.0, -1, 1e308, -1e308, 5e-324, 1e-400, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 90.0000001,
    -180.0000001, math.nan, math.inf, -math.inf,
]  # fmt: skip
_TIMES = [
    "0001-01-01T00:00:00.000+00:00", "0001-01-01T00:00:00.000+14:00", "9999-12-31T23:59:59.999-12:00",
    "9999-12-31T23:59:59.999999999Z", "0000-00-00T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T12:32:17.105",
    "2026-11-22 12:32:17", "2026-11-22T23:59:60Z", "1970-01-01T00:00:00.000+00:00", "-0001-01-01T00:00:00Z", "now",
    "10000-01-01T00:00:00Z", "2026-11-22T12:32:17.105+99:99", 1795350737, 1795350737000,
]  # fmt: skip
_LITERALS = [
    b"1e400", b"-1e400", b"1" * 5_000, b"0x10", b"01", b"+1", b".5", b"1.", b"NaN", b"-Infinity", b"tru", b"'x'", b"",
    b'"\\ud800"', b'"\xff\xfe"', b'"\xc3"', b'"\\x41"', b'"unclosed', b"[" * 60_000, b'{"a":' * 30_000 + b"1",
    b"[" * 60_000 + b"]" * 60_000, b'"' + b"x" * 1_000_000 + b'"', b"1e99999999999999999999",
]  # fmt: skip

Mutate = Callable[[dict[str, Any], random.Random], bytes]


def hostile_positions(seed: int, count: int) -> Iterator[bytes]:
    """The texts of positions, the same for the same seed. Most begin with an id of their own: 1, 2, 3 and so on."""
    chance = random.Random(seed)  # noqa: S311 - a test's order of inputs
    ways, weights = zip(*_WAYS, strict=True)
    for number in range(1, count + 1):
        way: Mutate = chance.choices(ways, weights)[0]
        yield way({"id": number, **_GOOD}, chance)


def _with_value(position: dict[str, Any], chance: random.Random) -> bytes:
    """One field or two have another value."""
    for name in chance.sample(list(position), chance.choice([1, 1, 2])):
        if name != "id":
            position[name] = _value(chance, 3)
    return _text(position, escaped=chance.random() < 0.5)


def _with_time(position: dict[str, Any], chance: random.Random) -> bytes:
    position[chance.choice(["fixTime", "deviceTime", "serverTime"])] = chance.choice(_TIMES)
    return _text(position)


def _with_id(position: dict[str, Any], chance: random.Random) -> bytes:
    """Its identifier, or that of its device, is none, or enormous. None is that of another position."""
    own = position["id"]
    position["id"] = chance.choice([-own, 2**63 - own, 2**63 + own, 10**40 + own, own + 0.5, f"{own}; --", True, None])
    if chance.random() < 0.5:
        position["id"], position["deviceId"] = own, chance.choice([0, -1, 2**63, "7", 7.0, 10**400, None, [7]])
    return _text(position)


def _with_attributes(position: dict[str, Any], chance: random.Random) -> bytes:
    names = [*_NAMES, "batteryLevel", "motion", "activity"]
    position["attributes"] = {chance.choice(names): _value(chance, 4) for _ in range(chance.randrange(6))}
    return _text(position, escaped=chance.random() < 0.5)


def _with_other_fields(position: dict[str, Any], chance: random.Random) -> bytes:
    """Fields are missing, and others are there."""
    for name in chance.sample(list(position), chance.randrange(4)):
        if name != "id":
            del position[name]
    return _text(position | {chance.choice(_NAMES[:-2]): _value(chance, 2) for _ in range(chance.randrange(3))})


def _with_repeated_field(position: dict[str, Any], chance: random.Random) -> bytes:
    name = chance.choice([name for name in position if name != "id"])
    return _text(position)[:-1] + b"," + _text({name: _value(chance, 1)})[1:]


def _with_literal(position: dict[str, Any], chance: random.Random) -> bytes:
    """Something that is no JSON, or too much of it, in the place of a value."""
    name = chance.choice([name for name in position if name != "id"])
    before, after = _text({**position, name: "HERE"}).split(b'"HERE"')
    return before + chance.choice(_LITERALS) + after


def _broken(position: dict[str, Any], chance: random.Random) -> bytes:
    """Bytes are changed, lost or added behind the identifier."""
    text = bytearray(_text(position))
    for _ in range(chance.randrange(1, 6)):
        where = chance.randrange(12, len(text))
        change = chance.randrange(4)
        if change == 0:
            text[where] = chance.randrange(256)
        elif change == 1:
            text[where:where] = chance.randbytes(chance.randrange(1, 9))
        elif change == 2:
            del text[where : where + chance.randrange(1, 30)]
        else:
            del text[max(where, 40) :]
        if len(text) < 40:
            break
    return bytes(text)


def _other(position: dict[str, Any], chance: random.Random) -> bytes:
    """No object at all."""
    return _text([position["id"], _value(chance, 3)]) if chance.random() < 0.5 else chance.randbytes(12)


def _unharmed(position: dict[str, Any], _chance: random.Random) -> bytes:
    return _text(position)


_WAYS: list[tuple[Mutate, float]] = [
    (_with_value, 6),
    (_with_time, 3),
    (_with_id, 2),
    (_with_attributes, 4),
    (_with_other_fields, 3),
    (_with_repeated_field, 2),
    (_with_literal, 1),
    (_broken, 5),
    (_other, 1),
    (_unharmed, 2),
]


def _value(chance: random.Random, depth: int) -> Any:
    return chance.choice(_VALUES if depth > 0 else _VALUES[2:])(chance, depth - 1)


_VALUES: list[Callable[[random.Random, int], Any]] = [
    lambda chance, depth: [_value(chance, depth) for _ in range(chance.randrange(4))],
    lambda chance, depth: {chance.choice(_NAMES): _value(chance, depth) for _ in range(chance.randrange(4))},
    lambda chance, _: chance.choice([True, False, None]),
    lambda chance, _: chance.choice(_TEXTS) if chance.random() < 0.98 else "y" * 1_000_000,
    lambda chance, _: chance.choice(_TIMES),
    lambda chance, _: chance.uniform(-200.0, 200.0),
    lambda chance, _: chance.randrange(-(10**25), 10**25),
    lambda chance, _: chance.choice(_NUMBERS),
]


def _text(value: object, *, escaped: bool = False) -> bytes:
    """JSON, `NaN` and half characters included: in UTF-8, or escaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=escaped).encode("utf-8", "surrogatepass")
