"""Track files, well and broken."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from itrack.errors import FixConfiguration
from simulator.formats.points import time_of
from simulator.track_files import read_track_file, read_track_files
from simulator.tracks import TrackFile

GPX = """<?xml version="1.0"?>
<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1" xmlns:x="urn:x">
<trk><name>One</name><trkseg>
 <trkpt lat="47.1" lon="8.1"><ele>410.5</ele><time>2026-05-04T10:00:10Z</time>
  <extensions><x:speed>1.4</x:speed></extensions></trkpt>
 <trkpt lat="47.0" lon="8.0"><time>2026-05-04T10:00:00Z</time></trkpt>
 {broken}
</trkseg></trk>
<trk><trkseg><trkpt lat="1" lon="2"><time>1901-12-13T20:45:52.207Z</time></trkpt></trkseg></trk>
</gpx>"""


def read(folder: Path, name: str, text: str | bytes) -> TrackFile:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_track_file(file)


def reasons(read_: TrackFile) -> Counter[str]:
    return Counter(problem.reason for problem in read_.problems)


def test_gpx_gives_each_track_in_order_of_time_with_what_extensions_say(tmp_path: Path) -> None:
    """A track out of order must be sent in order."""
    found = read(tmp_path, "walk.gpx", GPX.format(broken=""))
    assert [(track.name, len(track.points)) for track in found.tracks] == [("walk", 2), ("walk-2", 1)]
    first, second = found.tracks[0].points
    assert (first.latitude_deg, second.altitude_m, second.speed_mps) == (47.0, 410.5, 1.4)
    assert found.tracks[1].points[0].measured_at == datetime(1901, 12, 13, 20, 45, 52, 207_000, tzinfo=UTC)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('<trkpt lat="47" lon="8"/>', "no_time"),
        ('<trkpt lat="47" lon="8"><time></time></trkpt>', "no_time"),
        ('<trkpt lat="47" lon="8"><time>soon</time></trkpt>', "unreadable_time"),
        ('<trkpt lat="91" lon="8"><time>2026-05-04T10:00:00Z</time></trkpt>', "latitude_out_of_range"),
        ('<trkpt lat="47" lon="-180.1"><time>2026-05-04T10:00:00Z</time></trkpt>', "longitude_out_of_range"),
        ('<trkpt lon="8"><time>2026-05-04T10:00:00Z</time></trkpt>', "no_coordinates"),
        ('<trkpt lat="north" lon="8"><time>2026-05-04T10:00:00Z</time></trkpt>', "latitude_not_a_number"),
    ],
)
def test_a_broken_point_is_counted_with_a_sentence_and_the_rest_is_kept(
    tmp_path: Path, broken: str, reason: str
) -> None:
    """One bad point must not cost the walk."""
    found = read(tmp_path, "walk.gpx", GPX.format(broken=broken))
    assert [len(track.points) for track in found.tracks] == [2, 1]
    assert [problem.reason for problem in found.problems] == [reason]
    assert found.problems[0].sentence.startswith("walk.gpx, point 3: ")


def test_gpx_that_breaks_off_gives_what_came_before(tmp_path: Path) -> None:
    """A phone that died while writing still walked."""
    whole = GPX.format(broken="")
    found = read(tmp_path, "walk.gpx", whole[: whole.index("</trkseg>")])
    assert [len(track.points) for track in found.tracks] == [2]
    assert reasons(found) == {"broken_xml": 1}


def test_a_document_type_is_refused_before_its_entities_grow(tmp_path: Path) -> None:
    """A file of a few lines must not fill the memory."""
    bomb = '<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    found = read(tmp_path, "bomb.gpx", GPX.format(broken="&b;").replace("<gpx", f"{bomb}<gpx", 1))
    assert found.tracks == ()
    assert reasons(found) == {"unsafe_xml": 1}


def test_csv_understands_common_names_and_counts_each_bad_row(tmp_path: Path) -> None:
    """Columns are called differently everywhere; bad rows are named by line."""
    rows = [
        "\ufeffTimestamp,Lat,Lng,Device,speed,note",
        "2026-05-04T10:00:00+02:00,47,8,a,1.5,x",
        "1777881600,47,8,a,,",
        "1777881600000,47,8,b,fast,",
        "2026-05-04 10:00:00,47,8,b",
        ",47,8,a,,",
        "2026-05-04T10:00:00Z,,8,a,,",
        "2026-05-04T10:00:00Z,91,8,a,,",
        "2026-05-04T10:00:00Z,47",
        "",
    ]
    found = read(tmp_path, "table.csv", "\n".join(rows))
    assert {track.name: len(track.points) for track in found.tracks} == {"a": 2, "b": 2}
    assert found.tracks[0].points[0].measured_at == datetime(2026, 5, 4, 8, tzinfo=UTC)
    assert reasons(found) == {
        "speed_mps_not_a_number": 1,
        "no_time": 1,
        "no_coordinates": 2,
        "latitude_out_of_range": 1,
    }
    assert any("table.csv, line 8" in problem.sentence for problem in found.problems)


def test_csv_without_the_needed_columns_says_which(tmp_path: Path) -> None:
    """The sentence must tell what to rename."""
    found = read(tmp_path, "table.csv", "when,where\n1,2\n")
    assert "no column for time and latitude and longitude among when, where" in found.problems[0].sentence


def test_geojson_points_and_lines_become_tracks(tmp_path: Path) -> None:
    """Both ways in which tools write tracks are read."""
    point = {
        "type": "Feature",
        "properties": {"time": "2026-05-04T10:00:00Z", "user_id": 7, "accuracy": 12},
        "geometry": {"type": "Point", "coordinates": [8, 47, 400]},
    }
    line = {
        "type": "Feature",
        "properties": {"name": "line", "coordTimes": ["2026-05-04T10:00:00Z", None]},
        "geometry": {"type": "LineString", "coordinates": [[8, 47], [8.1, 47.1]]},
    }
    lines = {
        "type": "Feature",
        "properties": {"coordTimes": [[1777881600], [1777881601]]},
        "geometry": {"type": "MultiLineString", "coordinates": [[[8, 47]], [[8.1, 47.1]]]},
    }
    area = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": []}}
    text = json.dumps({"type": "FeatureCollection", "features": [point, line, lines, area, None]})
    found = read(tmp_path, "walks.geojson", text)
    assert {track.name: len(track.points) for track in found.tracks} == {"7": 1, "line": 1, "walks-3": 2}
    assert (found.tracks[0].points[0].altitude_m, found.tracks[0].points[0].accuracy_m) == (400, 12)
    assert reasons(found) == {"no_time": 1, "broken_feature": 2}


def test_packed_files_are_read_and_broken_packing_is_said(tmp_path: Path) -> None:
    """The shared recordings are packed."""
    packed = gzip.compress(b"time,lat,lon\n2026-05-04T10:00:00Z,47,8\n")
    assert len(read(tmp_path, "walk.csv.gz", packed).tracks[0].points) == 1
    assert reasons(read(tmp_path, "cut.csv.gz", packed[:-12])) == {"broken_gzip": 1}


def test_one_bad_file_does_not_keep_others_back(tmp_path: Path) -> None:
    """Several files are one replay."""
    good, bad = tmp_path / "good.csv", tmp_path / "bad.geojson"
    good.write_text("time,lat,lon\n2026-05-04T10:00:00Z,47,8\n")
    bad.write_text("{")
    found = read_track_files([bad, good])
    assert (len(found.tracks), reasons(found)) == (1, {"broken_json": 1})


@pytest.mark.parametrize("name", ["missing.gpx", "walk.kml"])
def test_a_file_that_is_not_there_or_not_ours_is_named(tmp_path: Path, name: str) -> None:
    """A typing error is told at once."""
    with pytest.raises(FixConfiguration, match=name):
        read_track_file(tmp_path / name)


def test_names_from_files_are_stripped_of_control_characters(tmp_path: Path) -> None:
    """A name travels into device lists, logs and sheets."""
    found = read(tmp_path, "walk.csv", 'time,lat,lon,user\n2026-05-04T10:00:00Z,47,8,"a\x1b[31m\nb"\n')
    assert found.tracks[0].name == "a[31mb"


def test_times_without_a_zone_are_utc_and_numbers_are_seconds_or_milliseconds() -> None:
    """The rule is one, whatever the format."""
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for said in ("2026-05-04T12:00:00", "2026-05-04 14:00:00+02:00", noon.timestamp(), noon.timestamp() * 1000):
        assert time_of(said) == noon


@given(data=st.binary(max_size=300), kind=st.sampled_from(["gpx", "geojson", "csv"]))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_break_a_reader(tmp_path: Path, data: bytes, kind: str) -> None:
    """Files come from anywhere; the worst they may cause is a counted problem."""
    found = read(tmp_path, f"fuzz.{kind}", data)
    assert found.tracks or found.problems or not data.strip()


@given(time=st.text(max_size=20), latitude=st.text(max_size=8), longitude=st.text(max_size=8))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_csv_row_is_either_a_point_or_a_problem(tmp_path: Path, time: str, latitude: str, longitude: str) -> None:
    """Nothing vanishes without being counted."""
    row = ",".join('"' + text.replace('"', '""') + '"' for text in (time, latitude, longitude))
    found = read(tmp_path, "row.csv", f"time,lat,lon\r\n{row}\r\n")
    assert len(found.tracks) + len(found.problems) == 1


def test_the_real_tracks_are_read_whole(real_tracks: Path) -> None:
    """Seven recorded tracks, one with clocks of 1901, lose no point."""
    found = read_track_file(real_tracks)
    assert (len(found.tracks), sum(len(track.points) for track in found.tracks), found.problems) == (7, 3087, ())
