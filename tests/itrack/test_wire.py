"""The contracts between parts hold: what one part writes, another reads as the same."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import decode, encode
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.wire import dead_letter, decode_fix, encode_fix, encode_fix_document, fix_document, fix_of_document

_aware = CodecOptions(tz_aware=True)
instants = st.datetimes(datetime(1901, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
_NAMES = ["_id", *(name for name in Fix.__struct_fields__ if name != "fix_id")]
numbers = st.floats(allow_nan=False, allow_infinity=False)
fixes = st.builds(
    Fix,
    fix_id=st.text(min_size=1),
    device_id=st.text(min_size=1),
    fixed_at=instants,
    device_at=instants,
    server_at=instants,
    latitude_deg=numbers,
    longitude_deg=numbers,
    altitude_m=st.none() | numbers,
    speed_mps=st.none() | numbers,
    accuracy_m=st.none() | numbers,
    battery_pct=st.none() | numbers,
    is_moving=st.none() | st.booleans(),
    activity=st.none() | st.text(),
    attributes_json=st.just("{}"),
    stored_at=st.none() | instants,
    schema=st.just(1),
)


@given(fixes)
def test_fix_survives_kafka(fix: Fix) -> None:
    """What the producer writes is what the analytics and the map read."""
    assert decode_fix(encode_fix(fix)) == fix


@given(fixes)
def test_fix_survives_mongodb(fix: Fix) -> None:
    """What the bridge stores is what the producer and the export read, to the millisecond."""
    assert fix_of_document(decode(encode(fix_document(fix)), _aware)) == fix


anything = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | instants | st.binary()
)
documents = st.one_of(
    fixes.map(fix_document),
    st.builds(
        lambda fix, changed: fix_document(fix) | changed, fixes, st.dictionaries(st.sampled_from(_NAMES), anything)
    ),
    st.builds(
        lambda fix, lost: {n: v for n, v in fix_document(fix).items() if n != lost}, fixes, st.sampled_from(_NAMES)
    ),
    st.dictionaries(st.sampled_from(_NAMES) | st.text(), anything),
)


@given(documents)
def test_published_document_is_the_fix_in_it(document: dict[str, Any]) -> None:
    """The producer's short way gives the long one's bytes, and sets the same documents aside for the same reason."""
    document.pop("attributes_json", None)
    try:
        fix = fix_of_document(document)
        expected: object = (fix.device_id.encode(), encode_fix(fix))
    except SetAside as error:
        expected = str(error)
    try:
        given_: object = encode_fix_document(document)
    except SetAside as error:
        given_ = str(error)
    assert given_ == expected


@given(st.binary())
def test_no_bytes_crash_the_decoder(value: bytes) -> None:
    """Whatever stands on the topic is a fix or is set aside with a reason; nothing else is raised."""
    with suppress(SetAside):
        assert isinstance(decode_fix(value), Fix)


@pytest.mark.parametrize("schema", [0, 2, 999])
def test_other_schema_is_set_aside(schema: int) -> None:
    """A message of a version this program does not know is not guessed at, even when its fields have changed."""
    for message in ({"schema": schema}, {**json.loads(encode_fix(_FIX)), "schema": schema}):
        with pytest.raises(SetAside):
            decode_fix(json.dumps(message).encode())
        with pytest.raises(SetAside):
            fix_of_document({**fix_document(_FIX), "schema": schema})


def test_time_without_zone_is_set_aside() -> None:
    """A time that could mean any zone never becomes a fix."""
    message = json.loads(encode_fix(_FIX)) | {"fixed_at": "2026-01-01T00:00:00"}
    with pytest.raises(SetAside):
        decode_fix(json.dumps(message).encode())


def test_same_bad_input_is_one_dead_letter() -> None:
    """A replay of the stream, at another offset, does not keep the same bad message twice."""
    error = SetAside("not_a_fix", "no latitude")
    first = dead_letter("kafka:itrack.fixes/0/1", error, b"\xff{", datetime(2026, 1, 1, tzinfo=UTC))
    again = dead_letter("kafka:itrack.fixes/0/9", error, b"\xff{", datetime(2026, 1, 2, tzinfo=UTC))
    assert first.letter_id == again.letter_id


_FIX = Fix(
    fix_id="main:1",
    device_id="main:2",
    fixed_at=datetime(2026, 1, 1, tzinfo=UTC),
    device_at=datetime(2026, 1, 1, tzinfo=UTC),
    server_at=datetime(2026, 1, 1, tzinfo=UTC),
    latitude_deg=47.0,
    longitude_deg=8.0,
)
