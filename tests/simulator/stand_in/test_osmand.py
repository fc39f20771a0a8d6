"""OsmAnd requests, decoded and answered."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from itrack.units import knots_from_mps
from simulator.stand_in.osmand import BrokenRequest, Report, read_request

NOW_MS = 1_795_350_737_000
COORDS = {"latitude": 47.64, "longitude": -122.31, "accuracy": 12.5, "speed": 5.0, "heading": 180.0, "altitude": 30.1}


def query(text: str) -> Report:
    return read_request(text, "", b"", NOW_MS)


def json_request(**location: object) -> Report:
    body = {"device_id": "p", "location": {"timestamp": "2026-11-22T12:32:49.000Z", **location}}
    return read_request("", "application/json; charset=utf-8", json.dumps(body).encode(), NOW_MS)


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1795350737", NOW_MS),
        ("1795350737123", NOW_MS + 123),
        ("2026-11-22T12:32:17.105Z", 1_795_350_737_105),
        ("2026-11-22 12:32:17", NOW_MS),
        ("-2147483648", -2_147_483_648_000),
        ("1901-12-13T20:45:52.207Z", -2_147_483_647_793),
    ],
)
def test_times_are_seconds_milliseconds_or_iso_and_may_lie_before_1970(text: str, time_ms: int) -> None:
    """A recorded walk with a clock of 1901 must pass, and seconds must not be taken for milliseconds."""
    assert query(f"id=p&timestamp={text}&lat=1&lon=2").time_ms == time_ms


def test_a_report_without_time_is_of_now() -> None:
    """Old clients send none."""
    assert query("id=p&lat=1&lon=2").time_ms == NOW_MS


def test_query_speed_is_knots_and_unknown_parameters_become_attributes() -> None:
    """What the server does not know is kept, as number, truth or text."""
    report = query(
        "deviceid=p&location=1,2&speed=10&bearing=90&batt=83&charge=true&steps=12&a=true&note=%3Cb%3E&valid=0"
    )
    assert (report.speed_kn, report.course, report.latitude, report.longitude, report.valid) == (10, 90, 1, 2, False)
    assert report.attributes == {"batteryLevel": 83.0, "charge": True, "steps": 12.0, "a": True, "note": "<b>"}


def test_a_form_body_is_read_when_the_url_has_no_parameters() -> None:
    """POST with a form is the other old way."""
    assert read_request("", "application/x-www-form-urlencoded", b"id=p&lat=1&lon=2", NOW_MS).latitude == 1


def test_json_speed_is_metres_per_second_and_a_good_accuracy_becomes_zero() -> None:
    """5 m/s are 9.7 knots; an accuracy below 10 m is stored as 0, which means unknown."""
    report = json_request(coords=COORDS, battery={"level": 0.77, "is_charging": False}, is_moving=True)
    assert report.speed_kn == pytest.approx(knots_from_mps(5.0))
    assert (report.accuracy, report.attributes) == (12.5, {"motion": True, "batteryLevel": 77})
    assert json_request(coords=COORDS | {"accuracy": 9.9}).accuracy == 0
    assert json_request(coords=COORDS | {"speed": -1, "heading": -1}).speed_kn == 0


@pytest.mark.parametrize("missing", sorted(COORDS))
def test_json_demands_all_six_numbers(missing: str) -> None:
    """A phone that leaves one out loses the report."""
    with pytest.raises(BrokenRequest):
        json_request(coords={name: value for name, value in COORDS.items() if name != missing})


@pytest.mark.parametrize(
    "text",
    [
        "id=p&lat=91&lon=1",
        "id=p&lat=abc&lon=1",
        "id=p&lat=1&lon=-181",
        "id=p&timestamp=yesterday",
        "id=p&lat=nan&lon=1",
    ],
)
def test_what_cannot_be_read_breaks_the_request(text: str) -> None:
    """The real decoder throws, and so the connection closes."""
    with pytest.raises(BrokenRequest):
        query(text)


@given(st.binary(max_size=200), st.sampled_from(["", "application/json"]), st.text(max_size=60))
def test_hostile_bytes_only_ever_break_the_request(body: bytes, content_type: str, text: str) -> None:
    """No input may bring the server down."""
    try:
        read_request(text, content_type, body, NOW_MS)
    except BrokenRequest:
        return


@pytest.mark.parametrize(
    ("path", "status"), [("/?id=unknown&lat=1&lon=1", 400), ("/?lat=1&lon=1", 400), ("/?id=p&lat=1&lon=1", 200)]
)
def test_answers_are_empty_and_refuse_unknown_phones_with_400(client: Any, path: str, status: int) -> None:
    """A query-form phone that is not registered gets 400."""
    client.register("p")
    answer = client.phone.get(path)
    assert (answer.status_code, answer.content) == (status, b"")


def test_an_unknown_json_phone_gets_404(client: Any) -> None:
    """The JSON form words it differently."""
    body = {"device_id": "unknown", "location": {"timestamp": "2026-11-22T12:32:49.000Z", "coords": COORDS}}
    assert client.phone.post("/", json=body).status_code == 404


@pytest.mark.parametrize(
    "send",
    [
        {"url": "/?id=p&lat=91&lon=1"},
        {"url": "/", "json": {"device_id": "p", "location": {"timestamp": "2026-11-22T12:32:49.000Z", "coords": {}}}},
        {"url": "/", "json": {"device_id": "p", "location": []}},
        {"url": "/", "content": b"{", "headers": {"content-type": "application/json"}},
    ],
)
def test_a_broken_report_closes_the_connection_without_an_answer_and_the_next_one_is_taken(
    client: Any, send: dict[str, Any]
) -> None:
    """No status tells the phone what was wrong, and the server goes on."""
    client.register("p")
    with pytest.raises(httpx2.RemoteProtocolError):
        client.phone.post(**send)
    assert client.report("p", 1_700_000_000) == 200


def test_the_future_is_dropped_after_a_friendly_200(client: Any) -> None:
    """More than a day ahead is lost; an hour ahead is stored."""
    client.register("p")
    assert client.report("p", "2099-01-01T00:00:00Z") == 200
    assert client.report("p", 1_700_000_000) == 200
    assert [row.fix_time[:4] for row in client.stored(1)] == ["2023"]


def test_a_report_without_place_repeats_the_last_one_with_its_old_time(client: Any) -> None:
    """The fixTime stays, deviceTime is new: how a client recognises it."""
    client.register("p")
    client.report("p", 1_700_000_000, accuracy=33)
    client.stored(1)
    client.phone.get("/", params={"id": "p", "timestamp": 1_700_000_600})
    first, second = client.stored(2)
    assert (second.fix_time, second.latitude, second.accuracy) == (first.fix_time, first.latitude, 33)
    assert second.device_time > second.fix_time


def test_duplicates_zero_and_invalid_places_are_stored(client: Any) -> None:
    """Those filters are off by default."""
    client.register("p")
    for more in ({}, {}, {"lat": 0, "lon": 0}, {"valid": "false"}, {"accuracy": 5000}):
        client.report("p", 1_700_000_000, **more)
    assert len(client.stored(5)) == 5
