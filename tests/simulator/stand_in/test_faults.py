"""The ways this server misbehaves on demand, and what it loses on its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import websocket

from itrack.errors import FixConfiguration
from simulator.stand_in import stand_in_traccar

NOW_S = 1_700_000_000


def test_buffered_positions_were_answered_with_200_and_are_lost_when_the_server_stops() -> None:
    """200 is not durable: the default of the real server loses three seconds of reports."""
    with stand_in_traccar(buffering_s=3.0, register_unknown=True) as traccar, httpx2.Client() as phone:
        for second in range(20):
            answer = phone.get(traccar.osmand_url, params={"id": "p", "lat": 1, "lon": 1, "timestamp": NOW_S + second})
            assert answer.status_code == 200
        traccar.restart()
        assert traccar.stored_positions() == []


def test_buffering_sorts_one_connection_and_mixes_up_several() -> None:
    """One keep-alive connection per device comes out in order; a connection per report does not."""
    with stand_in_traccar(buffering_s=2.0, register_unknown=True) as traccar:

        def report(get: Any, device: str, second: int) -> None:
            get(traccar.osmand_url, params={"id": device, "lat": 1, "lon": 1, "timestamp": NOW_S + second})

        with httpx2.Client() as phone:
            for second in (2, 0, 1, *range(3, 40)):
                report(phone.get, "ordered", second)
        with ThreadPoolExecutor(8) as phones:
            list(phones.map(lambda second: report(httpx2.get, "mixed", second), range(40)))
        end = time.monotonic() + 20
        while len(stored := traccar.stored_positions()) < 80 and time.monotonic() < end:
            time.sleep(0.1)
    times = {device: [row.fix_time for row in stored if row.device_id == device] for device in (1, 2)}
    assert [len(rows) for rows in times.values()] == [40, 40]
    assert times[1] == sorted(times[1])
    assert times[2] != sorted(times[2])


def test_a_cut_socket_ends_without_a_close_frame(client: Any) -> None:
    """A broken network says nothing."""
    socket = client.socket()
    client.frame(socket)
    client.traccar.cut_sockets()
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionResetError)):
        socket.recv()
    client.wait_until(lambda: client.traccar.open_sockets == 0)


def test_a_silent_server_keeps_sockets_open_and_sends_nothing(client: Any) -> None:
    """Only a client that watches for frames notices."""
    client.register("p")
    socket = client.socket(timeout=0.5)
    client.frame(socket)
    client.traccar.go_silent()
    client.report("p", NOW_S)
    client.traccar.keep_alive_now()
    with pytest.raises(websocket.WebSocketTimeoutException):
        socket.recv()
    assert len(client.stored(1)) == 1


def test_a_restart_keeps_what_is_stored_and_drops_connections(client: Any) -> None:
    """Devices, positions, the latest of each and the ports survive; every device is offline."""
    client.register("p")
    client.report("p", NOW_S, lat=47.5)
    client.stored(1)
    socket = client.socket()
    client.traccar.restart()
    client.frame(socket)
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionResetError)):
        socket.recv()
    assert client.frame(client.socket())["positions"][0]["latitude"] == 47.5
    assert client.rest.get("/api/devices").json()[0]["status"] == "offline"
    client.report("p", NOW_S + 1, lat=47.5)
    assert [row.id for row in client.stored(2)] == [1, 2]


def test_a_stopped_server_refuses_connections_and_can_be_looked_into(client: Any) -> None:
    """An outage is told apart from a slow server."""
    client.register("p")
    client.report("p", NOW_S)
    client.stored(1)
    client.traccar.stop()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(client.traccar.web_url)
    assert len(client.traccar.stored_positions()) == 1
    client.traccar.start()
    assert client.rest.get("/api/devices").status_code == 200


def test_a_sick_server_answers_rest_as_it_is_told_to(client: Any) -> None:
    """Slow answers and a failing proxy can be played."""
    client.traccar.faults.rest_status = 502
    assert client.rest.get("/api/devices").status_code == 502
    client.traccar.faults.rest_status = None
    client.traccar.faults.delay_s = 0.3
    began = time.monotonic()
    assert client.rest.get("/api/devices").status_code == 200
    assert time.monotonic() - began >= 0.3


def test_a_disabled_device_is_hung_up_on(client: Any) -> None:
    """The phone learns nothing; its owner sees it by REST."""
    client.register("p")
    client.traccar.disable_device("p")
    with pytest.raises(httpx2.RemoteProtocolError):
        client.report("p", NOW_S)
    client.traccar.disable_device("p", disabled=False)
    assert client.report("p", NOW_S) == 200


def test_a_silent_device_turns_unknown() -> None:
    """A status that stays online for ever would hide phones that died."""
    with stand_in_traccar(register_unknown=True, status_timeout_s=-1) as traccar:
        httpx2.get(traccar.osmand_url, params={"id": "p", "lat": 1, "lon": 1})
        traccar.notice_silence_now()
        devices = httpx2.get(f"{traccar.web_url}/api/devices", headers={"Authorization": f"Bearer {traccar.token}"})
        assert [device["status"] for device in devices.json()] == ["unknown"]


def test_a_taken_port_is_named_with_its_setting(client: Any) -> None:
    """Two stand-ins cannot share a port, and the message says which setting to change."""
    with (
        pytest.raises(FixConfiguration, match="ITRACK_TRACCAR_PORT"),
        stand_in_traccar(web_port=client.traccar.web_port),
    ):
        pass
