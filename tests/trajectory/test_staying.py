"""Stops as a person would tell them: from fixes, from silence, on time."""

from __future__ import annotations

import numpy as np
import pytest

from itrack.trajectory.found import NO_MS
from itrack.trajectory.rules import Rules
from itrack.trajectory.stop_batch import find_stops
from itrack.trajectory.stop_state import BEGAN, ENDED, GAP, RESUMED, STOP
from tests.support.stop_points import NOON_MS, Listener, point, track, walk

RULES = Rules()


def listen() -> Listener:
    return Listener(RULES)


def test_a_person_who_stays_has_stopped_and_hears_of_it_when_the_dwell_time_is_over() -> None:
    """The stop begins on arrival, not on entering the radius, and is told while it lasts."""
    arrives_s, leaves_s = 300, 900
    there = listen().take(track(walk(0, 300, 0, 420), walk(305, 435, 420, 420)))
    (start,) = there.stays
    assert start == pytest.approx(arrives_s, abs=15)
    there.take(track(walk(440, 895, 420, 420), walk(900, 1200, 420, 840)))
    ((start, end),) = there.ended()
    assert start == pytest.approx(arrives_s, abs=15)
    assert end == pytest.approx(leaves_s, abs=15)
    assert there.heard == [BEGAN, ENDED]


def test_a_red_light_is_no_stop() -> None:
    """Ninety seconds at a crossing belong to the way."""
    track_ = track(walk(0, 300, 0, 420), walk(305, 385, 420, 420), walk(390, 800, 420, 994))
    assert listen().take(track_).heard == []


@pytest.mark.parametrize("speed_mps", [0.7, 1.4, 2.5])
@pytest.mark.parametrize("every_s", [1.0, 5.0, 20.0, 60.0])
def test_walking_past_is_no_stop(speed_mps: float, every_s: float) -> None:
    """Half an hour of walking, slow or fast, has no stop in it, however often the phone reports."""
    assert listen().take(track(walk(0, 1800, 0, 1800 * speed_mps, every_s))).heard == []


def test_hours_of_silence_within_the_radius_are_one_stop() -> None:
    """A phone that is still says nothing: the next fix near the same place means that its owner stayed."""
    back_s = 4 * 3600
    heard = listen().take(track(walk(0, 200, 0, 280), [point(back_s, 285)], walk(back_s + 60, back_s + 360, 350, 770)))
    ((start, end),) = heard.ended()
    assert start == pytest.approx(200, abs=30)
    assert end == pytest.approx(back_s, abs=60)


@pytest.mark.parametrize("woke_m", [90.0, 150.0, 250.0])
def test_waking_up_outside_the_radius_still_ends_the_stop_on_time(woke_m: float) -> None:
    """A phone that wakes some streets from home was at home until the walk there began."""
    woke_s = 8 * 3600
    heard = listen().take(track(walk(0, 200, 0, 280), walk(woke_s, woke_s + 300, 280 + woke_m, 700 + woke_m)))
    ((_, end),) = heard.ended()
    assert end == pytest.approx(woke_s - woke_m / 1.4, abs=30)
    assert heard.gaps == []


def test_silence_alone_makes_a_stop_known() -> None:
    """Two minutes after the last fix the stop is known although nothing more came; told once."""
    heard = listen().take(track(walk(0, 200, 0, 280)))
    due_s = heard.due_s()
    assert due_s == pytest.approx(200 + 120, abs=30)
    assert heard.waited(due_s - 0.001).heard == []
    heard = heard.waited(due_s + 7)
    (start,) = heard.stays
    assert start == pytest.approx(200, abs=30)
    assert heard.due_s() is None
    assert heard.heard == [BEGAN]


def test_silence_is_measured_by_the_server_and_not_by_the_phone() -> None:
    """A track of years ago that is replayed now has not been silent for years between two fixes."""
    years_s = 10 * 365 * 86400
    heard = listen().take(track([point(0, server_second=years_s)]))
    assert heard.waited(years_s + 119).heard == []
    assert heard.waited(years_s + 120).heard == [BEGAN]


def test_silence_far_from_a_stop_ends_it_and_suggests_the_next() -> None:
    """One fix 400 m away and silence: the person has gone. When the next fix is at the stop, they had not."""
    heard = listen().take(track(walk(0, 600, 0, 0, 30), [point(630, 400)]))
    (start,) = heard.stays
    waited = heard.waited(1000)
    assert waited.heard[-1] == ENDED | BEGAN
    assert waited.stays[start] == pytest.approx(600, abs=60)
    assert len(waited.stays) == 2
    heard.take(track(walk(1100, 1400, 0, 0, 30)))
    assert heard.stays == {start: None}


def test_a_gap_with_movement_is_a_gap_and_no_stop() -> None:
    """Ten silent minutes that end 800 m away were neither a stop nor a known way."""
    heard = listen().take(track(walk(0, 600, 0, 840), walk(1200, 1800, 1640, 2480)))
    ((begin, end, metres),) = heard.gaps
    assert (begin, end) == (600, 1200)
    assert metres == pytest.approx(800, abs=40)
    assert heard.stays == {}


def test_a_night_at_home_is_kept_when_the_phone_wakes_far_away() -> None:
    """Ten silent hours are a stay although the first fix is 2 km off; only the way there is a gap."""
    morning_s = 10 * 3600
    heard = listen().take(track(walk(0, 300, 0, 420), walk(morning_s, morning_s + 300, 2420, 2840)))
    ((_, end),) = heard.ended()
    ((begin, until, _),) = heard.gaps
    assert begin == end == pytest.approx(morning_s - 2000 / 1.4, abs=60)
    assert until == morning_s
    assert heard.heard == [BEGAN, ENDED | GAP]


@pytest.mark.parametrize(("off_m", "every_s"), [(150.0, 10), (400.0, 10), (400.0, 4)])
def test_outliers_inside_a_stop_do_not_end_it(off_m: float, every_s: int) -> None:
    """Some seconds of fixes far off now and then are an error and no way."""
    still = [point(second, off_m if second % 300 < 12 else 3.0 * (second % 4)) for second in range(60, 3600, every_s)]
    assert listen().take(track(still)).heard == [BEGAN]


def test_places_scattered_around_a_stop_do_not_end_it() -> None:
    """A phone that measures every three minutes from a cellar hits everything around the house, and sleeps on."""
    around = [(90, 0), (-90, 30), (30, -90), (-20, 80), (85, -20), (-80, -30)]
    still = [point(400 + 180 * number, north_m, east_m) for number, (north_m, east_m) in enumerate(around)]
    assert listen().take(track(walk(0, 300, 0, 0), still, walk(1500, 1800, 0, 0))).heard == [BEGAN]


def test_walking_up_serpentines_is_no_stop() -> None:
    """Legs of 50 m, each 12 m above the last: the place hardly moves for minutes, and yet nobody rests."""
    legs = [(0.0, 50.0, 12.0 * leg) if leg % 2 == 0 else (50.0, 0.0, 12.0 * leg) for leg in range(20)]
    points = [
        point(70 * leg + 10 * step, north_m + 12 * step / 7, from_m + (to_m - from_m) * step / 7)
        for leg, (from_m, to_m, north_m) in enumerate(legs)
        for step in range(7)
    ]
    assert listen().take(track(points)).heard == []


def test_a_slow_walk_under_a_bad_sky_is_no_stop() -> None:
    """At half a metre a second errors hide every direction, but the place moves on."""
    errors_m = np.random.default_rng(1).normal(0, 9, (200, 2))
    points = [point(10 * step, 5.5 * step + north_m, east_m) for step, (north_m, east_m) in enumerate(errors_m)]
    assert listen().take(track(points)).heard == []


def test_a_place_that_wanders_off_and_back_is_one_stop_where_the_phone_says_that_it_is_still() -> None:
    """Indoors the place drifts 100 m for ten minutes; the phone's own speed shows that nobody walked."""
    came = [point(second, 1.4 * second, speed_mps=1.4, is_moving=1) for second in range(0, 200, 5)]
    off_m = [0.0] * 60 + [2.0 * step for step in range(50)] + [100.0] * 60 + [100.0 - 2.0 * step for step in range(50)]
    still = [
        point(200 + 5 * number, 280 + metres, speed_mps=0.0, is_moving=0)
        for number, metres in enumerate([*off_m, *[0.0] * 60])
    ]
    assert listen().take(track(came, still)).heard == [BEGAN]


def test_going_next_door_is_two_stops() -> None:
    """Ninety metres away is another place when somebody stays there, known when the dwell time is over."""
    heard = listen().take(track(walk(0, 900, 0, 0), walk(905, 970, 7, 90), walk(975, 1120, 90, 90)))
    assert heard.heard == [BEGAN, ENDED, BEGAN]
    heard.take(track(walk(1125, 1800, 90, 90), walk(1805, 2105, 97, 517)))
    first, second = heard.ended()
    assert first[1] == pytest.approx(900, abs=30)
    assert second[0] == pytest.approx(970, abs=30)
    assert second[1] == pytest.approx(1800, abs=30)


def test_stepping_outside_for_two_minutes_does_not_end_a_stop() -> None:
    """The bin, the letter box: 100 m to and fro is no trip."""
    heard = listen().take(
        track(walk(0, 900, 0, 0), walk(905, 980, 7, 100), walk(985, 1060, 93, 0), walk(1065, 1800, 0, 0))
    )
    assert heard.heard == [BEGAN]


def test_running_out_and_back_at_once_lets_the_stop_go_on() -> None:
    """Told to have left, 250 m off, and back after three minutes: the stop goes on, and there was no trip."""
    points = track(walk(0, 900, 0, 0), walk(905, 990, 12, 250), walk(995, 1080, 240, 0), walk(1085, 1800, 0, 0))
    heard = listen().take(points[points["at_ms"] <= NOON_MS + 1_085_000])
    assert heard.heard == [BEGAN, ENDED]
    (start,) = heard.stays
    assert heard.waited(3000).heard[-1] == RESUMED
    heard.take(points[points["at_ms"] > NOON_MS + 1_085_000])
    assert heard.heard[-1] == RESUMED
    assert heard.stays == {start: None}


def test_a_phone_that_measures_once_a_minute_dates_arrivals_between_fixes() -> None:
    """The last fix on the way in, carried on at its speed, says when the person was there."""
    (start,) = listen().take(track(walk(0, 240, 0, 336, 60), walk(300, 900, 400, 400, 60))).stays
    assert start == pytest.approx(400 / 1.4, abs=3)


@pytest.mark.parametrize("side", [1, -1])
def test_the_centre_is_right_at_the_date_line(side: int) -> None:
    """A stop across 180 degrees of longitude has its centre there and not in Africa."""
    points = track([point(100 * number) for number in range(8)])
    points["longitude_deg"] = side * np.array([179.9999, -179.9999, 179.9998, -179.9998] * 2)
    (stay,) = find_stops(points, RULES)
    assert abs(stay["longitude_deg"]) > 179.999
    assert (stay["fix_count"], stay["last_ms"]) == (8, points["at_ms"][-1])
    assert stay["ended_ms"] == NO_MS


def test_a_stop_after_a_flight_has_its_true_radius() -> None:
    """The plane on which places are compared follows the person: 80 m are 80 m at both ends of the Earth."""
    points = track(walk(0, 300, 0, 0), walk(50_000, 51_000, 0, 0, 20), walk(51_020, 52_000, 0, 0, 20))
    points["latitude_deg"][61:] = 1.3
    points["longitude_deg"][61:] = 103.8
    points["longitude_deg"][-50:] += 80 / 111_195
    *_, first, second = find_stops(points, RULES)
    assert first["ended_ms"] == pytest.approx(NOON_MS + 51_010_000, abs=60_000)
    assert (second["longitude_deg"] - first["longitude_deg"]) * 111_195 == pytest.approx(80, abs=10)


def test_radius_and_dwell_time_are_settings() -> None:
    """Who wants only stops of ten minutes gets no others, and a wider radius joins what lies in it."""
    five = track(walk(0, 300, 0, 420), walk(305, 600, 420, 420), walk(605, 1200, 427, 1260))
    assert len(find_stops(five, Rules(stop_dwell_s=240))) == 2  # that one, and where the track ends
    assert len(find_stops(five, Rules(stop_dwell_s=600))) == 1
    doors = track(walk(0, 900, 0, 0), walk(905, 970, 7, 90), walk(975, 1800, 90, 90))
    assert [len(find_stops(doors, Rules(stop_radius_m=radius_m))) for radius_m in (60, 150)] == [2, 1]


def test_the_plain_rule_ends_a_stop_with_the_first_fix_outside() -> None:
    """The sliding rule of the literature: no silence rule, no dating of departures."""
    points = track([point(0), point(100, 10), point(5000, 5000), point(5100, 6000)])
    heard = Listener(Rules.plain(stop_radius_m=60, stop_dwell_s=300)).take(points)
    assert heard.ended() == [(0, 5000)]


def test_a_phone_costs_less_than_a_kilobyte() -> None:
    """The state of every phone is written again and again."""
    assert STOP.itemsize < 1024
