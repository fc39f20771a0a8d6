"""What phones send is what Traccar's reader understands."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from itrack.units import mps_from_knots
from simulator.osmand_forms import json_form, query_form
from simulator.stand_in.osmand import MIN_ACCURACY_M, read_request
from simulator.tracks import TrackPoint

numbers = st.floats(0, 300, allow_nan=False).map(lambda number: round(number, 3))
points = st.builds(
    TrackPoint,
    measured_at=st.datetimes(datetime(1901, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    altitude_m=st.none() | numbers,
    speed_mps=st.none() | numbers,
    course_deg=st.none() | numbers,
    accuracy_m=st.none() | numbers,
    battery_pct=st.none() | st.integers(0, 100).map(float),
    is_moving=st.none() | st.booleans(),
    activity=st.none() | st.sampled_from(["walking", "in vehicle & more=1"]),
)


@given(points)
def test_both_forms_carry_the_same_place_time_and_speed(point: TrackPoint) -> None:
    """A time before 1970 keeps its milliseconds, and no unit is mixed up."""
    query = read_request(urlencode(query_form("p", point)), "", b"", 0)
    body = msgspec.json.encode(json_form("p", point))
    for report in (query, read_request("", "application/json", body, 0)):
        assert report.unique_id == "p"
        assert report.time_ms == pytest.approx(point.measured_at.timestamp() * 1000, abs=1)
        assert (report.latitude, report.longitude) == (point.latitude_deg, point.longitude_deg)
        assert mps_from_knots(report.speed_kn) == pytest.approx(point.speed_mps or 0.0)
        assert report.attributes.get("activity") == point.activity
        assert report.attributes.get("motion") == point.is_moving
        assert report.attributes.get("batteryLevel") == pytest.approx(point.battery_pct, abs=1)
    assert query.accuracy == (point.accuracy_m or 0)


def test_a_good_accuracy_is_lost_in_the_json_form_only() -> None:
    """Traccar stores an accuracy below 10 m as unknown when it comes as JSON."""
    point = TrackPoint(
        measured_at=datetime(2026, 1, 1, tzinfo=UTC), latitude_deg=1, longitude_deg=2, accuracy_m=MIN_ACCURACY_M - 1
    )
    body = msgspec.json.encode(json_form("p", point))
    assert read_request("", "application/json", body, 0).accuracy == 0
    assert read_request(urlencode(query_form("p", point)), "", b"", 0).accuracy == 9
