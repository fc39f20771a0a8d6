"""Traccar's JSON, judged once: everything is either a fix or set aside with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from itrack.errors import SetAside
from itrack.units import mps_from_knots
from itrack.wire import encode_fix, fix_document
from traccar_bridge.decode import decode_device, decode_fix, traccar_id_of
from traccar_bridge.split import split_array, split_frame

SAMPLE: dict[str, Any] = {
    "id": 1,
    "attributes": {"batteryLevel": 83.0, "distance": 0.0, "totalDistance": 0.0, "motion": True},
    "deviceId": 7,
    "protocol": "osmand",
    "serverTime": "2026-11-22T12:32:17.105+00:00",
    "deviceTime": "2026-11-22T12:27:16.000+00:00",
    "fixTime": "2026-11-22T13:27:16.000+01:00",
    "valid": True,
    "latitude": 47.6,
    "longitude": -122.3,
    "altitude": 55.0,
    "speed": 10.0,
    "course": 90.0,
    "address": None,
    "accuracy": 12.5,
    "network": None,
    "geofenceIds": None,
}
"""A position as a running Traccar sent it, but for the zone of `fixTime`."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def sample(**changes: Any) -> bytes:
    return json.dumps({**SAMPLE, **changes}).encode()


def test_sample_becomes_a_fix() -> None:
    """A position of a real Traccar, field for field."""
    fix = decode_fix(sample(), "main")
    assert (fix.fix_id, fix.device_id, traccar_id_of(fix.fix_id)) == ("main:1", "main:7", 1)
    assert fix.fixed_at == fix.device_at == datetime(2026, 11, 22, 12, 27, 16, tzinfo=UTC)
    assert fix.fixed_at.tzinfo == UTC
    assert fix.server_at == datetime(2026, 11, 22, 12, 32, 17, 105_000, tzinfo=UTC)
    assert fix.speed_mps == mps_from_knots(10.0)
    assert (fix.latitude_deg, fix.longitude_deg, fix.altitude_m, fix.course_deg) == (47.6, -122.3, 55.0, 90.0)
    assert (fix.accuracy_m, fix.battery_pct, fix.is_moving, fix.valid) == (12.5, 83.0, True, True)
    assert json.loads(fix.attributes_json) == SAMPLE["attributes"]
    assert fix.stored_at is None


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"accuracy": 0.0}, "accuracy_m", None),
        ({"accuracy": -1}, "accuracy_m", None),
        ({"accuracy": None}, "accuracy_m", None),
        ({"speed": -1.0}, "speed_mps", None),
        ({"speed": None}, "speed_mps", None),
        ({"course": -1.0}, "course_deg", None),
        ({"attributes": {"batteryLevel": 101}}, "battery_pct", None),
        ({"attributes": {"batteryLevel": True}}, "battery_pct", None),
        ({"attributes": {"motion": "yes"}}, "is_moving", None),
        ({"attributes": {"activity": "in_vehicle"}}, "activity", "in_vehicle"),
        ({"attributes": {"activity": "x" * 65}}, "activity", None),
        ({"attributes": {"activity": ["walking"]}}, "activity", None),
        ({"attributes": None}, "attributes_json", "{}"),
    ],
)
def test_unknown_stays_unknown(changes: dict[str, Any], field: str, value: object) -> None:
    """Traccar's ways of saying `unknown`, and a phone's nonsense in its attributes, do not cost the fix."""
    assert getattr(decode_fix(sample(**changes), "main"), field) == value


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
        (b'{"id": 1}', "missing_field"),
        (json.dumps({key: value for key, value in SAMPLE.items() if key != "latitude"}).encode(), "missing_field"),
        (sample(latitude=None), "wrong_type"),
        (sample(latitude="NaN"), "wrong_type"),
        (sample(latitude=float("nan")), "not_json"),
        (sample(longitude=float("inf")), "not_json"),
        (sample(latitude=90.0001), "latitude_out_of_range"),
        (sample(latitude=1e308), "latitude_out_of_range"),
        (sample(longitude=-181), "longitude_out_of_range"),
        (sample().replace(b"47.6", b"1e999"), "wrong_type"),
        (sample(id="1"), "wrong_type"),
        (sample(id=0), "bad_id"),
        (sample(id=2**64), "bad_id"),
        (sample(deviceId=-3), "bad_id"),
        (sample(fixTime=1_700_000_000), "wrong_type"),
        (sample(fixTime="2026-11-22T12:27:16"), "wrong_type"),
        (sample(fixTime="yesterday"), "wrong_type"),
        (sample(fixTime="0001-01-01T00:00:00+12:00"), "time_out_of_range"),
        (sample(speed="fast"), "wrong_type"),
        (sample(attributes={"text": "x" * 1_000_000}), "too_large"),
    ],
)
def test_what_is_no_fix_is_set_aside(raw: bytes, reason: str) -> None:
    """Each way of being unusable has its own reason to count by."""
    with pytest.raises(SetAside) as caught:
        decode_fix(raw, "main")
    assert caught.value.reason == reason


@given(changes=st.dictionaries(st.sampled_from(sorted(SAMPLE)), json_values, max_size=4))
def test_any_position_is_a_fix_or_set_aside(changes: dict[str, Any]) -> None:
    """Whatever stands in a field, the result is a fix that MongoDB and Kafka can hold, or `SetAside`; nothing else."""
    try:
        fix = decode_fix(sample(**changes), "main")
    except SetAside:
        return
    assert -90 <= fix.latitude_deg <= 90
    assert -180 <= fix.longitude_deg <= 180
    bson.encode(fix_document(fix))
    encode_fix(fix)


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_judged(raw: bytes) -> None:
    """No message of any kind raises anything but `SetAside`, from any of the decoders."""
    for decode in (
        split_frame,
        split_array,
        lambda data: decode_fix(data, "main"),
        lambda data: decode_device(data, "main"),
    ):
        try:
            decode(raw)
        except SetAside:
            continue


@given(values=st.lists(json_values, max_size=6))
def test_bad_element_does_not_spoil_its_neighbours(values: list[Any]) -> None:
    """A frame is taken apart whatever its elements are, `NaN` included; the good position among them is a fix."""
    frame = split_frame(json.dumps({"positions": [*values, SAMPLE]}).encode())
    assert len(frame.positions) == len(values) + 1
    assert decode_fix(frame.positions[-1], "main").fix_id == "main:1"


def test_other_frames_are_empty() -> None:
    """Keepalives, events and logs hold neither positions nor devices."""
    for text in (b"{}", b'{"events": [{"id": 5}]}', b'{"logs": []}'):
        frame = split_frame(text)
        assert not frame.positions
        assert not frame.devices


def test_deep_nesting_is_set_aside() -> None:
    """Attributes nested beyond reason end neither the decoder nor the process."""
    raw = sample().replace(b'{"batteryLevel": 83.0', b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b', "b": 1')
    with pytest.raises(SetAside):
        decode_fix(raw, "main")


def test_broken_name_does_not_hide_a_phone() -> None:
    """A device is known by its number even when its texts cannot be read."""
    known = decode_device(b'{"id": 4, "name": "\\ud800 lone", "uniqueId": 5, "lastUpdate": "soon"}', "main")
    assert (known.traccar_id, known.device.device_id, known.device.name) == (4, "main:4", "? lone")
    assert known.device.unique_id == ""
    assert known.device.last_report_at is None
    assert known.latest_position_id == 0
