"""The seven recorded tracks: the stops that a person finds on the map and in the times, and no others.

How they were found by hand: each track was laid out as distances and pauses between fixes, and a stop was noted
where the person stays within some 60 m for five minutes or more. The three Zurich tracks are of phones; the others
of hand-held receivers, which leave out fixes while still.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from itrack.mobility import Event, EventKind
from itrack.trajectory.point import distance_m
from itrack.trajectory.quality import Flag
from itrack.trajectory.rules import Rules
from tests.trajectory.tracks import Phone, real_fixes

FIVE_MINUTES = Rules(stop_dwell_s=300)

STOPS = {
    # A lunch of four hours, fixes every 528 s, all at one spot.
    "ti_gpsies_1": [("2015-11-27", "08:31", "12:38", 47.4083, 8.5076)],
    # Setting off, two viewpoints, a rest of 23 minutes and a summit of 38, where the receiver was silent for 34.
    "gpxpy_korita-zbevnica": [
        ("2010-10-03", "09:36", "09:49", 45.4526, 14.0180),
        ("2010-10-03", "10:19", "10:24", 45.4602, 14.0054),
        ("2010-10-03", "10:52", "11:15", 45.4613, 14.0103),
        ("2010-10-03", "11:34", "12:12", 45.4589, 14.0141),
    ],
    # Two pauses at the lake, then about a village, in two places 70 m apart.
    "gpxpy_cerknicko-jezero": [
        ("2010-08-05", "14:37", "14:42", 45.7689, 14.3567),
        ("2010-08-05", "15:05", "15:12", 45.7716, 14.3580),
        ("2010-08-05", "15:58", "16:06", 45.7910, 14.3045),
        ("2010-08-05", "16:07", "16:18", 45.7916, 14.3052),
    ],
    "ti_posmo_0": [],  # a train
    "gpxpy_around-visnjan-with-car": [],  # a drive of nine minutes
    "gpxpy_Mojstrovka": [],  # every fix says one instant of 1901
}


@pytest.fixture
def judged(real_tracks: Path) -> dict[str, tuple[list[Event], Phone]]:
    phones: dict[str, Phone] = {}
    events: defaultdict[str, list[Event]] = defaultdict(list)
    for one in real_fixes(real_tracks):
        phone = phones.setdefault(one.device_id, Phone(one.device_id, FIVE_MINUTES))
        events[one.device_id] += phone.on_fixes(one)
    return {device_id.removeprefix("main:"): (events[device_id], phone) for device_id, phone in phones.items()}


def test_the_stops_are_those_a_person_finds(judged: dict[str, tuple[list[Event], Phone]]) -> None:
    """Same number, place within 40 m, start and end within a minute at the median, and none off by five minutes.

    A walker who comes up to a viewpoint at 0.3 m/s is found there four minutes before a person would say so.
    """
    off: list[timedelta] = []
    for name, expected in STOPS.items():
        events, phone = judged[name]
        found = [event.staypoint for event in events if event.kind is EventKind.STAYPOINT_ENDED]
        found += [phone.staypoint] if len(found) < len(expected) else []  # the track ends before its owner is far
        assert len(found) == len(expected), name
        for stop, (day, start, end, latitude_deg, longitude_deg) in zip(found, expected, strict=True):
            assert stop is not None
            off.append(abs(stop.started_at - datetime.fromisoformat(f"{day}T{start}Z")))
            if stop.ended_at is not None:
                off.append(abs(stop.ended_at - datetime.fromisoformat(f"{day}T{end}Z")))
            off_m = distance_m(stop.latitude_deg, stop.longitude_deg, latitude_deg, longitude_deg)
            assert off_m < 40, name
    assert sorted(off)[len(off) // 2] <= timedelta(minutes=1)
    assert max(off) < timedelta(minutes=5)


def test_a_day_of_vague_fixes_keeps_its_long_stays(judged: dict[str, tuple[list[Event], Phone]]) -> None:
    """Half of this phone's fixes claim errors of 500 m and more, yet its owner's long stays are found.

    An hour and a quarter by noon, an hour and more in the afternoon, the evening until the end. Distance is not
    what the masts make of it: the raw fixes add up to 47 km, the day's walks to some five.
    """
    events, phone = judged["ti_google_1"]
    stays = [
        stop
        for event in events
        if event.kind is EventKind.STAYPOINT_ENDED and (stop := event.staypoint) is not None and stop.ended_at
        if stop.ended_at - stop.started_at > timedelta(minutes=40)
    ]
    noon, afternoon = stays[0], stays[1]
    assert noon.ended_at is not None
    assert f"{noon.started_at:%H:%M}" in {"12:12", "12:13"}
    assert f"{noon.ended_at:%H:%M}" in {"13:30", "13:31"}
    assert distance_m(noon.latitude_deg, noon.longitude_deg, 47.3773, 8.5468) < 40
    assert f"{afternoon.started_at:%H:%M}" == "13:55"
    evening = phone.staypoint
    assert evening is not None
    assert evening.last_fixed_at - evening.started_at > timedelta(hours=2, minutes=50)
    assert distance_m(evening.latitude_deg, evening.longitude_deg, 47.3771, 8.5474) < 60
    last = {event.trip.trip_id: event for event in events if event.trip}
    assert sum(event.trip.distance_m for event in last.values() if event.trip and not event.kind.is_withdrawal) < 6000
    assert phone.flags() == {str(Flag.POOR_ACCURACY): 199}


def test_impossible_clocks_make_one_anomaly_and_nothing_else(
    judged: dict[str, tuple[list[Event], Phone]],
) -> None:
    """184 fixes at one instant of 1901: no stop, no trip, no gap, one anomaly, not even when time passes."""
    events, phone = judged["gpxpy_Mojstrovka"]
    assert [event.kind for event in events] == [EventKind.ANOMALY_FOUND]
    assert phone.on_time(events[0].knowable_at + timedelta(days=1)) == []
    assert phone.flags() == {str(Flag.WRONG_CLOCK): 184}


def test_movement_without_fixes_is_a_gap(judged: dict[str, tuple[list[Event], Phone]]) -> None:
    """Around the lake the receiver was silent three times for ten minutes and more, and kilometres on afterwards."""
    gaps = [event.gap for event in judged["gpxpy_cerknicko-jezero"][0] if event.gap]
    assert [round(gap.beeline_m, -2) for gap in gaps] == [2300, 1400, 5300]


def test_distances_are_those_of_the_ways(judged: dict[str, tuple[list[Event], Phone]]) -> None:
    """A walk to lunch of 5.4 km along its fixes, and a drive of nine minutes of some 2.7 km.

    The drive comes out an eighth short: what is averaged over ten seconds cuts its bends. Length is made for walks.
    """
    (lunch,) = [event.trip for event in judged["ti_gpsies_1"][0] if event.trip]
    assert lunch.distance_m == pytest.approx(5400, rel=0.05)
    drive = [
        event.trip
        for event in judged["gpxpy_around-visnjan-with-car"][1].on_time(datetime.fromisoformat("2030-01-01T00:00Z"))
        if event.trip
    ]
    assert drive[0].distance_m == pytest.approx(2700, rel=0.15)
