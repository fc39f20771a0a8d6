"""Recorded tracks: the stops that a person finds on the map and in the times, and no others.

How they were found by hand: each track was laid out as distances and pauses between fixes, and a stop was noted where
the person stays within some 60 m for five minutes or more. The Zurich tracks are of phones; the others of hand-held
receivers, which write a fix every ten metres and none while still, so a slow walk in the mountains looks much like one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from itrack.trajectory.found import NO_MS
from itrack.trajectory.rules import Rules
from itrack.trajectory.stop_batch import find_stops
from tests.support.recorded import recorded_points

STOPS = {
    # A lunch of four hours, fixes every 528 s, all at one spot.
    "ti_gpsies_1": [("2015-11-27", "08:31", "12:38")],
    # Setting off, a viewpoint, a rest of 23 minutes after slow steps, and a summit where the receiver fell silent.
    "gpxpy_korita-zbevnica": [
        ("2010-10-03", "09:36", "09:49"),
        ("2010-10-03", "10:19", "10:24"),
        ("2010-10-03", "10:50", "11:15"),
        ("2010-10-03", "11:34", "12:12"),
    ],
    # Two pauses at the lake, then about a village, in two places 70 m apart.
    "gpxpy_cerknicko-jezero": [
        ("2010-08-05", "14:37", "14:42"),
        ("2010-08-05", "15:05", "15:12"),
        ("2010-08-05", "15:58", "16:06"),
        ("2010-08-05", "16:07", "16:20"),
    ],
    "ti_posmo_0": [],  # a train
    "gpxpy_around-visnjan-with-car": [],  # a drive of nine minutes
}


@pytest.mark.parametrize("name", STOPS)
def test_the_stops_are_those_a_person_finds(real_tracks: Path, name: str) -> None:
    """Same number, start and end within two minutes."""
    stays = find_stops(recorded_points(real_tracks)[name], Rules(stop_dwell_s=300))
    found = [
        (datetime.fromtimestamp(stay["started_ms"] / 1000, UTC), datetime.fromtimestamp(stay["ended_ms"] / 1000, UTC))
        for stay in stays
        if stay["ended_ms"] != NO_MS
    ]
    assert len(found) == len(STOPS[name])
    for (started_at, ended_at), (day, start, end) in zip(found, STOPS[name], strict=True):
        assert abs((started_at - datetime.fromisoformat(f"{day}T{start}Z")).total_seconds()) <= 120
        assert abs((ended_at - datetime.fromisoformat(f"{day}T{end}Z")).total_seconds()) <= 120


def test_an_evening_of_two_masts_and_vague_fixes_is_one_stay(real_tracks: Path) -> None:
    """This phone's places alternate between two spots 86 m apart after an hour of fixes that are vague by 94 m."""
    *_, evening = find_stops(recorded_points(real_tracks)["ti_google_1"], Rules())
    assert evening["ended_ms"] == NO_MS
    assert f"{datetime.fromtimestamp(evening['started_ms'] / 1000, UTC):%H:%M}" == "16:48"
