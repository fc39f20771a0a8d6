"""The websocket, trap by trap."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest
import websocket

from simulator.stand_in import stand_in_traccar

NOW_S = 1_700_000_000


def refusal(client: Any, **options: Any) -> tuple[int, bytes]:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        client.socket(**options)
    return int(refused.value.status_code), bytes(refused.value.resp_body or b"")


def test_without_sign_in_or_with_a_bearer_header_the_answer_is_an_empty_200(client: Any) -> None:
    """A client must not take the 200 for a success, nor for a server without websockets."""
    assert refusal(client, header={}) == (200, b"")
    assert refusal(client, header={"Authorization": f"Bearer {client.token}"}) == (200, b"")


def test_a_bad_token_and_a_disabled_user_are_500(client: Any) -> None:
    """An expired token looks like a sick server."""
    good, client.token = client.token, "rubbish"
    assert refusal(client)[0] == 500
    client.token = good
    client.traccar.disable_user(client.traccar.email)
    assert refusal(client)[0] == 500


def test_a_cookie_opens_a_socket_unless_another_page_signed_in(client: Any) -> None:
    """The Origin of the sign-in and of the socket must agree, when the sign-in had one."""
    form = {"email": client.traccar.email, "password": client.traccar.password}
    for origin, header, is_open in (
        (None, "http://elsewhere", True),
        ("http://a", "http://a", True),
        ("http://a", "http://b", False),
    ):
        with httpx2.Client(base_url=client.traccar.web_url) as browser:
            browser.post("/api/session", data=form, headers={"Origin": origin} if origin else {})
            cookie = f"JSESSIONID={browser.cookies['JSESSIONID']}"
        if is_open:
            client.socket(cookie=cookie, origin=header).close()
        else:
            assert refusal(client, cookie=cookie, origin=header)[0] == 200


def test_the_first_frame_holds_only_the_latest_position_and_no_devices(client: Any) -> None:
    """What was missed while away, and the devices, must be asked for by REST."""
    client.register("silent")
    client.register("p")
    assert client.frame(client.socket()) == {"positions": []}
    for second in (1, 3, 2):
        client.report("p", NOW_S + second)
    client.stored(3)
    first = client.frame(client.socket())
    assert [row["fixTime"] for row in first["positions"]] == ["2023-11-14T22:13:23.000+00:00"]


def test_every_report_sends_the_device_with_its_previous_position_and_then_the_position(client: Any) -> None:
    """The devices frame comes before processing, so its positionId is one behind."""
    device = client.register("p")
    socket = client.socket()
    client.frame(socket)
    for expected in (0, 1):
        client.report("p", NOW_S + expected)
        told = client.frame(socket)["devices"][0]
        assert (told["id"], told["status"], told["positionId"]) == (device, "online", expected)
        pushed = client.frame(socket)["positions"][0]
        assert (pushed["id"], pushed["deviceId"]) == (expected + 1, device)


def test_a_late_fix_is_stored_but_never_pushed(client: Any) -> None:
    """One fix from an hour ahead silences the live feed until the clock passes it."""
    client.register("p")
    socket = client.socket()
    client.frame(socket)
    client.report("p", NOW_S + 3600)
    client.frames_until(socket, "positions")
    client.report("p", NOW_S)
    client.report("p", NOW_S + 3600)
    assert client.frames_until(socket, "positions")["positions"][0]["id"] == 3
    assert len(client.stored(3)) == 3


def test_distances_run_in_the_order_of_processing_so_a_late_fix_gets_the_wrong_neighbour(client: Any) -> None:
    """The total distance is out of line along fix times; nobody may compute with it."""
    client.register("p")
    for second, latitude in ((1, 47.0), (3, 47.02), (2, 47.01)):
        client.report("p", NOW_S + second, lat=latitude)
    by_time = sorted(client.stored(3), key=lambda row: row.fix_time)
    totals = [row.attributes["totalDistance"] for row in by_time]
    assert totals[1] > totals[2] > totals[0]
    assert by_time[1].attributes["distance"] == pytest.approx(1113, abs=2)


def test_a_linked_device_is_not_heard_of_before_all_sockets_reopen_and_an_unlinked_one_goes_on(client: Any) -> None:
    """Access is looked at when the first socket opens, and not again."""
    user = client.rest.post("/api/users", json={"name": "u", "email": "u", "password": "p"}).json()["id"]
    first, second = client.register("first"), client.register("second")
    link = {"userId": user, "deviceId": first}
    client.rest.post("/api/permissions", json=link)
    token = httpx2.post(f"{client.traccar.web_url}/api/session/token", auth=("u", "p")).text
    client.token, admin = token, client.token
    socket = client.socket()
    client.frame(socket)
    client.token = admin
    client.rest.post("/api/permissions", json={"userId": user, "deviceId": second})
    client.rest.request("DELETE", "/api/permissions", json=link)
    client.report("second", NOW_S)
    client.report("first", NOW_S)
    assert client.frames_until(socket, "positions")["positions"][0]["deviceId"] == first
    socket.close()
    client.wait_until(lambda: client.traccar.open_sockets == 0)
    client.token = token
    assert [row["deviceId"] for row in client.frame(client.socket())["positions"]] == [second]


def test_a_user_disabled_meanwhile_goes_on_hearing(client: Any) -> None:
    """Only a reconnect fails."""
    client.register("p")
    socket = client.socket()
    client.frame(socket)
    client.traccar.disable_user(client.traccar.email)
    client.report("p", NOW_S)
    assert client.frames_until(socket, "positions")


def test_nothing_is_said_when_devices_come_change_or_go(client: Any) -> None:
    """A client must ask for devices again by itself."""
    socket = client.socket()
    client.frame(socket)
    device = client.register("p")
    client.rest.put(f"/api/devices/{device}", json={"id": device, "name": "new", "uniqueId": "p"})
    client.rest.delete(f"/api/devices/{device}")
    client.traccar.keep_alive_now()
    assert client.frame(socket) == {}


def test_logs_come_only_when_asked_for(client: Any) -> None:
    """The only message a client may send."""
    client.register("p")
    socket = client.socket()
    client.frame(socket)
    socket.send('{"logs": true}')
    client.wait_until(lambda: client.traccar._traccar.feed.wants_logs)
    client.report("p", NOW_S)
    assert "GET /?id=p" in client.frames_until(socket, "logs")["logs"][0]["data"]


def test_keepalives_come_on_one_timer_for_all_sockets() -> None:
    """The first keepalive comes anywhere within the period, whenever the socket opened."""
    with stand_in_traccar(keepalive_s=3) as traccar:
        address = f"{traccar.web_url.replace('http', 'ws')}/api/socket?token={traccar.token}"
        first = websocket.create_connection(address, timeout=30)
        time.sleep(1.5)
        second = websocket.create_connection(address, timeout=30)
        times = []
        for socket in (first, second):
            while socket.recv() != "{}":
                pass
            times.append(time.monotonic())
        assert abs(times[0] - times[1]) < 1.2, "two timers would be 1.5 s apart"
        first.close()
        second.close()
