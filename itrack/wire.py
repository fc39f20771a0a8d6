"""The written contracts between parts: each is encoded and decoded here and nowhere else.

| where | what | form |
| --- | --- | --- |
| MongoDB `fixes` | a `Fix` | document, `_id` = `fix_id`, dates as BSON dates (milliseconds, UTC) |
| MongoDB, other collections | a struct | document, `_id` = the struct's `…_id` field |
| Kafka `itrack.fixes` | a `Fix` without `attributes_json` | JSON, RFC 3339 times; key = `device_id` |
| Kafka `itrack.events` | an `Event` | JSON, RFC 3339 times; key = `device_id` |
| Kafka `itrack.dead-letter` | a `DeadLetter` | JSON |

Each says its version in `schema`; one that is not known is set aside. docs/schemas.md lists every field.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from itrack.errors import SetAside
from itrack.fix import FIX_SCHEMA, Fix
from itrack.instant import Instant
from itrack.mobility import EVENT_SCHEMA, FINDING_SCHEMA, Event

__all__ = [
    "DeadLetter",
    "dead_letter",
    "decode_dead_letter",
    "decode_event",
    "decode_fix",
    "document_of",
    "encode",
    "encode_fix",
    "encode_fix_document",
    "fix_document",
    "fix_of_document",
    "struct_of_document",
]

S = TypeVar("S", bound=msgspec.Struct)
V = TypeVar("V", Fix, Event, "DeadLetter")

LETTER_SCHEMA = 1
"""Version of a dead letter as it is written to MongoDB and Kafka."""


class _Form(NamedTuple):
    """How a struct is written to MongoDB.

    Attributes:
        key: the field that becomes `_id`.
        schema: version of the document; one without a version is of version 1.
    """

    key: str
    schema: int = 1


_FORMS = {
    "Fix": _Form("fix_id", FIX_SCHEMA),
    "Device": _Form("device_id"),
    "Staypoint": _Form("staypoint_id", FINDING_SCHEMA),
    "Trip": _Form("trip_id", FINDING_SCHEMA),
    "Gap": _Form("gap_id", FINDING_SCHEMA),
    "Tripleg": _Form("tripleg_id", FINDING_SCHEMA),
    "GeofenceVisit": _Form("visit_id", FINDING_SCHEMA),
    "Anomaly": _Form("anomaly_id", FINDING_SCHEMA),
    "Verdict": _Form("fix_id", FINDING_SCHEMA),
    "Passage": _Form("passage_id", FINDING_SCHEMA),
    "Way": _Form("trip_id"),
    "Rhythm": _Form("rhythm_id"),
    "HomeWork": _Form("device_id"),
    "Crowd": _Form("crowd_id"),
    "Flow": _Form("flow_id"),
    "DeadLetter": _Form("letter_id", LETTER_SCHEMA),
}


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An input that could not be used, kept so that a person can look and a command can replay it.

    Attributes:
        letter_id: computed from `origin` and `raw`; the same bad input is kept once.
        origin: where it was found, such as `bridge:websocket` or `kafka:itrack.fixes/3/1042`.
        reason: slug to count by.
        detail: a sentence. Hostile text may be quoted in it.
        raw: the input as text, undecodable bytes replaced. Hostile text.
        seen_at: when it was set aside.
        schema: version of this form.
    """

    letter_id: str
    origin: str
    reason: str
    detail: str
    raw: str
    seen_at: Instant
    schema: int = LETTER_SCHEMA


def dead_letter(origin: str, error: SetAside, raw: bytes | str, seen_at: datetime) -> DeadLetter:
    """The record of an input that was set aside.

    The identifier leaves the place in a stream out, so that a replay of the same input is not kept twice.
    """
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    digest = blake2b(f"{origin.partition('/')[0]}\0{error.reason}\0{text}".encode("utf-8", "replace"), digest_size=16)
    return DeadLetter(
        letter_id=digest.hexdigest(),
        origin=origin,
        reason=error.reason,
        detail=error.detail,
        raw=text,
        seen_at=seen_at,
    )


class _Version(msgspec.Struct):
    """Only the version of a message."""

    schema: int = 0


_KEPT_FIELDS = [each for each in msgspec.structs.fields(Fix) if each.name != "attributes_json"]
_PublishedFix: Any = msgspec.defstruct(
    "PublishedFix",
    [
        (each.name, each.type) if each.default is msgspec.NODEFAULT else (each.name, each.type, each.default)
        for each in _KEPT_FIELDS
    ],
    frozen=True,
    gc=False,
)
"""The Kafka value of a fix: its fields in their order, but for the attributes."""
_fix_values = attrgetter(*_PublishedFix.__struct_fields__)
_fix_decoder = msgspec.json.Decoder(Fix)
_event_decoder = msgspec.json.Decoder(Event)
_letter_decoder = msgspec.json.Decoder(DeadLetter)
_version_decoder = msgspec.json.Decoder(_Version)
_encode = msgspec.json.Encoder().encode


def fix_document(fix: Fix) -> dict[str, Any]:
    """The MongoDB document of a fix: `_id`, `schema` and every other field under its own name."""
    return document_of(fix)


def fix_of_document(document: Mapping[str, Any]) -> Fix:
    """The fix in a MongoDB document.

    Raises:
        SetAside: the document is of another schema, or not a fix.
    """
    _refuse_other_version(document.get("schema"), FIX_SCHEMA)
    return struct_of_document(document, Fix)


def encode_fix(fix: Fix) -> bytes:
    """The Kafka value of a fix. Attributes stay in MongoDB: they are text from a phone and nobody streams on them."""
    return _encode(_PublishedFix(*_fix_values(fix)))


def encode_fix_document(document: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The Kafka key and value of a MongoDB document, without making a `Fix` of it: the producer's hot path.

    The value is `encode_fix(fix_of_document(document))`; attributes, if there are any, are not looked at.

    Raises:
        SetAside: the document is of a newer schema, or not a fix.
    """
    _refuse_other_version(document.get("schema"), FIX_SCHEMA)
    try:
        fix = msgspec.convert({**document, "fix_id": document.get("_id")}, _PublishedFix)
        return fix.device_id.encode(), _encode(fix)
    except msgspec.ValidationError as error:
        raise SetAside("not_a_fix", str(error)) from error


def decode_fix(value: bytes) -> Fix:
    """The fix in a Kafka value.

    Raises:
        SetAside: not JSON, not a fix, or of a newer schema.
    """
    return _decode(_fix_decoder, value, FIX_SCHEMA, "not_a_fix")


def decode_event(value: bytes) -> Event:
    """The event in a Kafka value.

    Raises:
        SetAside: not JSON, not an event, or of a newer schema.
    """
    return _decode(_event_decoder, value, EVENT_SCHEMA, "not_an_event")


def decode_dead_letter(value: bytes) -> DeadLetter:
    """The dead letter in a Kafka value.

    Raises:
        SetAside: not JSON, not a letter, or of a newer schema.
    """
    return _decode(_letter_decoder, value, LETTER_SCHEMA, "not_a_letter")


def encode(record: msgspec.Struct) -> bytes:
    """JSON of any of the structs (an `Event`, a `DeadLetter`, …)."""
    return msgspec.json.encode(record)


def document_of(record: msgspec.Struct) -> dict[str, Any]:
    """The MongoDB document of a struct: its `…_id` field becomes `_id`, enumerations become text; with its version."""
    form = _FORMS[type(record).__name__]
    document: dict[str, Any] = {"_id": getattr(record, form.key)}
    for name in record.__struct_fields__:
        if name != form.key:
            value = getattr(record, name)
            document[name] = str(value) if isinstance(value, str) else value
    document.setdefault("schema", form.schema)
    return document


def struct_of_document(document: Mapping[str, Any], kind: type[S]) -> S:
    """The struct in a MongoDB document read with `tz_aware=True`.

    Raises:
        SetAside: the document is of another schema, lacks a field or has one of a wrong type.
    """
    form = _FORMS[kind.__name__]
    _refuse_other_version(document.get("schema", 1), form.schema)
    try:
        return msgspec.convert({**document, form.key: document.get("_id")}, kind)
    except msgspec.ValidationError as error:
        raise SetAside(f"not_a_{kind.__name__.lower()}", str(error)) from error


def _decode(decoder: msgspec.json.Decoder[V], value: bytes, known: int, or_else: str) -> V:
    """What carries a schema, when that is the known one; `or_else` is the reason for what cannot be read."""
    try:
        decoded = decoder.decode(value)
    except msgspec.MsgspecError as error:
        _refuse_newer(value, known)
        raise SetAside(or_else, str(error)) from error
    _refuse_other_version(decoded.schema, known)
    return decoded


def _refuse_newer(value: bytes, known: int) -> None:
    try:
        version = _version_decoder.decode(value).schema
    except msgspec.MsgspecError:
        return
    if version > known:
        _refuse_other_version(version, known)


def _refuse_other_version(version: object, known: int) -> None:
    if version != known:
        raise SetAside("unknown_schema", f"schema {version!r}, this program reads schema {known}")
