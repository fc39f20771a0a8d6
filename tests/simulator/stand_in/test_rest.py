"""REST as a client of the real server sees it."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest

from simulator.stand_in import StandIn, stand_in_traccar

MISSING = {"from": "2026-01-01T00:00:00Z"}


def test_first_user_of_an_empty_server_administrates_and_later_ones_need_permission() -> None:
    """An empty server must be claimed by its first user; nobody registers themselves afterwards."""
    with stand_in_traccar(email=None) as traccar, httpx2.Client(base_url=traccar.web_url) as client:
        first = client.post("/api/users", json={"name": "A", "email": "a@x", "password": "p"})
        assert (first.json()["administrator"], first.json()["deviceLimit"]) == (True, -1)
        second = client.post("/api/users", json={"name": "B", "email": "b@x", "password": "p"})
        assert second.status_code == 400
        assert "Registration disabled" in second.text


def test_a_wrong_password_is_401_and_the_right_one_sets_a_cookie(traccar: StandIn) -> None:
    """Sign-in by form must work as in the real server."""
    with httpx2.Client(base_url=traccar.web_url) as client:
        assert client.post("/api/session", data={"email": traccar.email, "password": "no"}).status_code == 401
        assert client.get("/api/session").status_code == 404
        assert client.post("/api/session", data={"email": traccar.email, "password": traccar.password}).is_success
        assert "JSESSIONID" in client.cookies
        assert client.get("/api/devices").status_code == 200


def test_a_token_is_bare_text_labelled_as_json_and_survives_a_restart_that_cookies_do_not(traccar: StandIn) -> None:
    """A client that parses the token as JSON, or trusts its cookie after a restart, fails against the real one too."""
    with httpx2.Client(base_url=traccar.web_url) as client:
        client.post("/api/session", data={"email": traccar.email, "password": traccar.password})
        answer = client.post("/api/session/token", data={"expiration": "2099-01-01T00:00:00Z"})
        assert answer.headers["content-type"] == "application/json"
        assert not answer.text.startswith('"')
        traccar.restart()
        assert client.get("/api/devices").status_code == 401
        bearer = {"Authorization": f"Bearer {answer.text}"}
        assert httpx2.get(f"{traccar.web_url}/api/devices", headers=bearer).status_code == 200


def test_an_expired_token_is_refused(client: Any) -> None:
    """Tokens end."""
    session = {"expiration": "2001-01-01T00:00:00Z"}
    token = client.rest.post("/api/session/token", data=session).text
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx2.get(f"{client.traccar.web_url}/api/devices", headers=headers).status_code == 401


def test_a_session_that_a_token_opened_makes_none_that_lasts_longer(client: Any) -> None:
    """A token renews itself by an `Authorization` header only, and in such a session a request must name an end."""
    ends = {"expiration": "2098-01-01T00:00:00Z"}
    short = client.rest.post("/api/session/token", data=ends).text
    with httpx2.Client(base_url=client.traccar.web_url) as by_cookie:
        by_cookie.get("/api/session", params={"token": short}).raise_for_status()
        assert by_cookie.post("/api/session/token").status_code == 400
        limited = by_cookie.post("/api/session/token", data={"expiration": "2099-01-01T00:00:00Z"}).text
    header = {"Authorization": f"Bearer {short}"}
    with httpx2.Client(base_url=client.traccar.web_url, headers=header) as by_header:
        free = by_header.post("/api/session/token", data={"expiration": "2099-01-01T00:00:00Z"}).text
    assert [_year(each) for each in (limited, free)] == [2098, 2099]


def _year(token: str) -> int:
    signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return int(json.loads(signed[1 + signed[0] :])["e"][:4])


def test_token_in_the_url_signs_in_at_session_only(client: Any) -> None:
    """`?token=` on other paths is ignored."""
    with httpx2.Client(base_url=client.traccar.web_url) as stranger:
        assert stranger.get("/api/devices", params={"token": client.token}).status_code == 401
        assert stranger.get("/api/session", params={"token": client.token}).status_code == 200
        assert stranger.get("/api/devices").status_code == 200


def test_basic_sign_in_works_and_refusals_are_text_labelled_as_json(traccar: StandIn) -> None:
    """A client that parses an error body as JSON must stumble here too."""
    url = f"{traccar.web_url}/api/devices"
    assert httpx2.get(url, auth=(traccar.email or "", traccar.password)).status_code == 200
    refusal = httpx2.get(url, auth=(traccar.email or "", "wrong"))
    assert refusal.status_code == 401
    assert refusal.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match="Expecting value"):
        refusal.json()


def test_a_new_user_may_create_no_device_unless_the_limit_says_so(client: Any) -> None:
    """A deviceLimit of 0, the default, means none."""
    people = [
        client.rest.post("/api/users", json={"name": n, "email": n, "password": "p", **more}).json()
        for n, more in (("zero", {}), ("many", {"deviceLimit": -1}))
    ]
    assert [person["deviceLimit"] for person in people] == [0, -1]
    url, device = f"{client.traccar.web_url}/api/devices", {"name": "d", "uniqueId": "d"}
    assert httpx2.post(url, json=device, auth=("zero", "p")).status_code == 400
    assert httpx2.post(url, json=device, auth=("many", "p")).status_code == 200


def test_an_administrator_lists_own_devices_only_unless_all_are_asked_for(client: Any) -> None:
    """Without `?all=true` other people's phones are missing."""
    client.rest.post("/api/users", json={"name": "u", "email": "u", "password": "p", "deviceLimit": -1})
    httpx2.post(f"{client.traccar.web_url}/api/devices", json={"name": "d", "uniqueId": "d"}, auth=("u", "p"))
    assert client.rest.get("/api/devices").json() == []
    assert len(client.rest.get("/api/devices", params={"all": "true"}).json()) == 1


def test_a_duplicate_unique_id_is_400_and_burns_an_id(client: Any) -> None:
    """Ids have holes from the start."""
    first = client.register("same")
    assert client.rest.post("/api/devices", json={"name": "x", "uniqueId": "same"}).status_code == 400
    assert client.register("other") == first + 2


def test_deleting_what_does_not_exist_is_204(client: Any) -> None:
    """A delete is no proof that something was there."""
    assert client.rest.delete("/api/devices/4711").status_code == 204


@pytest.mark.parametrize(
    "bad", ["2026-11-22", "1795350737", "2026-11-22T12:00:00", "yesterday", "2026-11-22T12:00:00+00:00"]
)
def test_a_date_without_zone_or_with_an_unescaped_plus_is_404(client: Any, bad: str) -> None:
    """Bad dates look like a wrong address; `+` in a URL is a space."""
    device = client.register("p")
    path = f"/api/positions?deviceId={device}&from={bad}&to=2027-01-01T00:00:00Z"
    assert client.rest.get(path).status_code == 404


def test_positions_by_id_answer_all_or_nothing(client: Any) -> None:
    """One hole, or one position of somebody else's, spoils the whole request."""
    client.register("p")
    client.report("p", 1_700_000_000)
    client.traccar.burn_position_ids(1)
    client.report("p", 1_700_000_001)
    first, third = (row.id for row in client.stored(2))
    assert third == first + 2
    both = client.rest.get("/api/positions", params={"id": [third, first]})
    assert [row["id"] for row in both.json()] == [third, first]
    assert client.rest.get("/api/positions", params={"id": [first, first + 1, third]}).status_code == 400
    client.rest.post("/api/users", json={"name": "u", "email": "u", "password": "p"})
    answer = httpx2.get(f"{client.traccar.web_url}/api/positions", params={"id": first}, auth=("u", "p"))
    assert (answer.status_code, "access denied" in answer.text) == (400, True)


def test_positions_of_a_device_are_by_fix_time_with_both_ends_and_cut_silently(client: Any) -> None:
    """The order is the place's time, not storage; a cap cuts without a word."""
    device = client.register("p")
    for second in (30, 10, 20, 40):
        client.report("p", 1_700_000_000 + second)
    client.stored(4)
    window = {"deviceId": device, "from": "2023-11-14T22:13:30Z", "to": "2023-11-14T22:13:50Z"}
    fix_times = [row["fixTime"][17:19] for row in client.rest.get("/api/positions", params=window).json()]
    assert fix_times == ["30", "40", "50"]
    assert len(client.rest.get("/api/positions", params={"deviceId": device} | MISSING).json()) == 1
    with stand_in_traccar(max_positions=2, register_unknown=True) as capped:
        for second in range(3):
            httpx2.get(capped.osmand_url, params={"id": "p", "lat": 1, "lon": 1, "timestamp": 1_700_000_000 + second})
        headers = {"Authorization": f"Bearer {capped.token}"}
        url = f"{capped.web_url}/api/positions"
        answer = httpx2.get(url, params=window | {"deviceId": 1, "from": "2000-01-01T00:00:00Z"}, headers=headers)
        assert len(answer.json()) == 2


def test_positions_of_a_device_without_access_are_400(client: Any) -> None:
    """No access is 400, not 403."""
    client.rest.post("/api/users", json={"name": "u", "email": "u", "password": "p"})
    device = client.register("p")
    url = f"{client.traccar.web_url}/api/positions"
    assert httpx2.get(url, params={"deviceId": device}, auth=("u", "p")).status_code == 400


def test_deleted_devices_take_their_positions_along_and_leave_holes(client: Any) -> None:
    """Ids are never used again, not even after a restart."""
    client.rest.delete(f"/api/devices/{client.register('p')}")
    device = client.register("q")
    client.report("q", 1_700_000_000)
    last = client.stored(1)[-1].id
    client.rest.delete(f"/api/devices/{device}")
    client.traccar.restart()
    client.register("r")
    client.report("r", 1_700_000_000)
    assert [row.id for row in client.stored(1)] == [last + 1]


def test_osmand_is_also_taken_on_the_web_port(client: Any) -> None:
    """Phones may be pointed at the web port."""
    client.register("p")
    answer = httpx2.post(f"{client.traccar.web_url}/", params={"id": "p", "lat": 1, "lon": 2})
    assert answer.status_code == 200
    assert client.stored(1)[0].latitude == 1
