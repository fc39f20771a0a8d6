"""Replaying recorded tracks to a Traccar."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from itrack.errors import FixConfiguration, TryAgain
from itrack.settings import Settings
from simulator.delivery import Planned, deliver
from simulator.osmand_forms import Form
from simulator.registration import register_devices
from simulator.replay import Pace, plan_replay, replay
from simulator.stand_in import StandIn, stand_in_traccar
from simulator.track_files import read_track_file
from simulator.tracks import Track, TrackPoint
from tests.simulator.conftest import wait_until

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def track(name: str, *seconds: float, latitude_deg: float = 47.0) -> Track:
    points = (
        TrackPoint(measured_at=NOON + timedelta(seconds=second), latitude_deg=latitude_deg, longitude_deg=8.0)
        for second in seconds
    )
    return Track(name=name, points=tuple(points))


@pytest.mark.parametrize("form", list(Form))
def test_real_tracks_are_stored_once_each_in_order(
    real_tracks: Path, traccar: StandIn, towards: Settings, client: Any, form: Form
) -> None:
    """Every recorded point arrives, those with clocks of 1901 too, whatever the form."""
    tracks = read_track_file(real_tracks).tracks
    result = replay(tracks, towards, form=form)
    assert (result.sent, result.accepted, result.refused, result.unsent) == (3087, 3087, 0, 0)
    assert result.registration.created == 7
    stored = client.stored(3087)
    names = {row["id"]: row["uniqueId"] for row in client.rest.get("/api/devices").json()}
    assert Counter(names[row.device_id] for row in stored) == {one.name: len(one.points) for one in tracks}
    for device_id, name in names.items():
        sent = [point.measured_at for one in tracks if one.name == name for point in one.points]
        times = [datetime.fromisoformat(row.fix_time) for row in stored if row.device_id == device_id]
        assert times == sent
    assert len(traccar.stored_positions()) == 3087


@given(
    st.lists(st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=8), min_size=1, max_size=5),
    st.sampled_from([Pace(), Pace(speed=7.0), Pace(rate=3.0)]),
)
def test_a_shifted_replay_ends_when_sent_and_never_reports_from_the_future(times: list[list[int]], pace: Pace) -> None:
    """A fix from the future would silence Traccar's live feed."""
    tracks = [track(str(number), *sorted(seconds)) for number, seconds in enumerate(times)]
    for plan in plan_replay(tracks, pace, shift_to=NOON).values():
        assert [planned.due_s for planned in plan] == sorted(planned.due_s for planned in plan)
        assert plan[-1].point.measured_at == NOON + timedelta(seconds=plan[-1].due_s)
        if pace.speed is None or pace.speed >= 1:
            assert all(planned.point.measured_at <= NOON + timedelta(seconds=plan[-1].due_s) for planned in plan)


def test_at_speed_one_a_shifted_replay_is_live() -> None:
    """Each point is measured at the moment it is sent."""
    plan = plan_replay([track("p", 0, 5, 30)], Pace(speed=1.0), shift_to=NOON)["p"]
    assert [(planned.due_s, (planned.point.measured_at - NOON).total_seconds()) for planned in plan] == [
        (0, 0),
        (5, 5),
        (30, 30),
    ]


def test_a_rate_is_kept_over_all_phones_and_spreads_each_track() -> None:
    """Ten reports a second are ten, and short tracks do not all come first."""
    plans = plan_replay([track("long", *range(8)), track("short", 0, 1)], Pace(rate=10.0))
    due = sorted(planned.due_s for plan in plans.values() for planned in plan)
    assert due == pytest.approx([number / 10 for number in range(10)])
    assert plans["short"][1].due_s > 0.3


def test_tracks_of_one_name_become_one_in_order_of_time() -> None:
    """Two files of one phone are one phone."""
    plan = plan_replay([track("p", 10, 30), track("p", 0, 20)], Pace())["p"]
    assert [(planned.point.measured_at - NOON).total_seconds() for planned in plan] == [0, 10, 20, 30]


def test_refusals_are_counted_by_reason_and_the_rest_goes_on(traccar: StandIn, towards: Settings) -> None:
    """A phone that Traccar does not know, and one it hangs up on, cost nobody else."""
    traccar.add_device("known")
    traccar.add_device("disabled")
    traccar.disable_device("disabled")
    tracks = [track("known", 0, 1), track("disabled", 0), track("unknown", 0, 1, 2)]
    result = replay(tracks, towards, register=False)
    assert (result.accepted, result.reasons, result.sent) == (2, {"400": 3, "closed": 1}, 6)


def test_phones_wait_while_traccar_is_away_and_lose_nothing(traccar: StandIn, towards: Settings) -> None:
    """An outage in the middle ends with every report stored."""
    traccar.add_device("p")
    plans = {
        "p": [Planned(due_s=number / 50, point=point) for number, point in enumerate(track("p", *range(60)).points)]
    }
    outage = threading.Timer(0.3, lambda: (traccar.stop(), time.sleep(0.7), traccar.start()))
    outage.start()
    delivery = deliver(plans, towards.osmand_address)
    outage.join()
    assert delivery.accepted == 60
    sent = {planned.point.measured_at.isoformat(timespec="milliseconds") for planned in plans["p"]}
    wait_until(lambda: {row.fix_time for row in traccar.stored_positions()} == sent)


def test_a_replay_gives_up_on_a_traccar_that_stays_away() -> None:
    """The sentence names the setting to look at."""
    nowhere = Settings(osmand_url="http://127.0.0.1:9", _env_file=None)
    with pytest.raises(TryAgain, match="ITRACK_OSMAND_URL"):
        replay([track("p", 0)], nowhere, register=False, patience_s=0.3)


def test_a_stopped_replay_ends_at_once_and_counts_what_is_unsent(traccar: StandIn, towards: Settings) -> None:
    """Ctrl-C must not wait for a walk of hours."""
    traccar.add_device("p")
    stopping = threading.Event()
    result = replay(
        [track("p", 0, 3600)],
        towards,
        pace=Pace(speed=1.0),
        stopping=stopping,
        on_progress=lambda _: stopping.set(),
    )
    assert (result.accepted, result.unsent) == (1, 1)


def test_registering_twice_creates_nothing_anew_and_counts_what_another_user_owns(client: Any) -> None:
    """A second replay finds its phones; a phone of somebody else's is told."""
    client.rest.post("/api/users", json={"name": "u", "email": "u", "password": "p", "deviceLimit": -1})
    httpx2.post(f"{client.traccar.web_url}/api/devices", json={"name": "t", "uniqueId": "theirs"}, auth=("u", "p"))
    mine = Settings(traccar_url=client.traccar.web_url, traccar_token=SecretStr(client.token), _env_file=None)
    theirs = Settings(
        traccar_url=client.traccar.web_url, traccar_email="u", traccar_password=SecretStr("p"), _env_file=None
    )
    assert register_devices(["a", "b", "a"], mine).created == 2
    assert (register_devices(["a", "b", "c"], mine).created, register_devices(["a", "c"], mine).known) == (1, 2)
    again = register_devices(["theirs", "a"], theirs)
    assert (again.known, again.refused) == (1, ("a",))


def test_a_wrong_token_is_named_and_no_sign_in_is_no_error(client: Any) -> None:
    """Phones may have been registered by a person."""
    wrong = Settings(traccar_url=client.traccar.web_url, traccar_token=SecretStr("x"), _env_file=None)
    with pytest.raises(FixConfiguration, match="ITRACK_TRACCAR_TOKEN"):
        register_devices(["a"], wrong)
    nobody = Settings(traccar_url=client.traccar.web_url, _env_file=None)
    assert "no device was registered" in register_devices(["a"], nobody).sentence


def test_one_connection_per_phone_keeps_the_order_even_when_traccar_buffers() -> None:
    """Reports over many connections come out of order; ours must not."""
    with stand_in_traccar(buffering_s=0.2, register_unknown=True) as traccar:
        towards = Settings(traccar_url=traccar.web_url, osmand_url=traccar.osmand_url, _env_file=None)
        replay([track(name, *range(50)) for name in "abc"], towards, register=False)
        wait_until(lambda: len(traccar.stored_positions()) >= 150)
        stored = traccar.stored_positions()
    assert len(stored) == 150
    for device_id in {row.device_id for row in stored}:
        times = [row.fix_time for row in stored if row.device_id == device_id]
        assert times == sorted(times)
