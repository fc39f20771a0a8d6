"""The bridge as it runs: a process of its own between a stand-in Traccar and the real MongoDB."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from itrack.mongo import BOOKMARKS, DEVICES, FIXES
from itrack.units import mps_from_knots

pytestmark = pytest.mark.services

Line = Any
WaitUntil = Callable[..., None]
NOW = int(time.time())


def test_live_fix_is_stored_in_si_units(line: Line) -> None:
    """A phone's report is in MongoDB soon: metres per second, unknown accuracy as unknown, aware times."""
    line.start_bridge()
    line.send("anna", NOW, speed=10, accuracy=0, batt=83, altitude=400)
    line.wait_complete(1, within_s=5)
    fix = line.database[FIXES].find_one()
    assert fix["speed_mps"] == pytest.approx(mps_from_knots(10))
    assert fix["accuracy_m"] is None
    assert fix["battery_pct"] == 83
    assert fix["fixed_at"].timestamp() == NOW
    assert fix["stored_at"] >= fix["server_at"]
    assert line.metric("itrack_bridge_connected") == 1


def test_past_of_a_device_is_read_at_first(line: Line) -> None:
    """What Traccar stored before the bridge ever ran is read, however far apart and odd its times."""
    times = [NOW - 60, NOW - 3600, NOW - 30 * 86400, NOW - 2000 * 86400, 315_964_800, NOW + 80_000]
    for at_s in times:
        line.send("anna", at_s)
    line.start_bridge()
    line.wait_complete(len(times))


def test_late_fixes_are_found(line: Line) -> None:
    """Fixes older than the latest are never pushed by Traccar; they are in MongoDB all the same."""
    line.start_bridge()
    line.send("anna", NOW)
    for minutes in range(1, 41):
        line.send("anna", NOW - 60 * minutes)
    line.send("ben", NOW - 400 * 86400)
    line.wait_complete(42)
    assert line.metric("itrack_bridge_reconciled_fixes_total") >= 40


def test_late_fix_is_found_before_the_schedule(line: Line) -> None:
    """A report that no position follows raises a doubt, which is looked into long before the next scheduled round."""
    line.start_bridge(bridge_reconcile_s=3600.0)
    line.send("anna", NOW)
    line.wait_complete(1)
    line.send("anna", NOW - 86400 * 9)
    line.wait_complete(2, within_s=8)


def test_device_with_a_fix_in_the_future_is_followed(line: Line) -> None:
    """One fix from the future silences a device's feed in Traccar; reconciliation goes on storing its fixes."""
    line.start_bridge()
    line.send("anna", NOW + 80_000)
    for second in range(20):
        line.send("anna", NOW + second)
    line.wait_complete(21)


def test_holes_in_the_ids_do_not_stop_the_walk(line: Line) -> None:
    """Traccar refuses a whole request for one missing id; the ids around the holes are found."""
    line.start_bridge()
    line.send("anna", NOW)
    for number in range(12):
        line.traccar.burn_position_ids(1 + number % 3)
        line.send("anna", NOW - 100 - number)
        line.send("anna", NOW - 200 - number)
    line.wait_complete(25)


def test_hole_at_the_end_is_jumped_over(line: Line) -> None:
    """A database that crashed leaves out up to 32 ids; a late fix behind them is found without any later one."""
    line.start_bridge(bridge_reconcile_s=3600.0)
    line.send("anna", NOW)
    line.wait_complete(1)
    line.traccar.burn_position_ids(33)
    line.send("anna", NOW - 100)
    line.wait_complete(2, within_s=10)


def test_holes_of_a_long_time_are_walked_around(line: Line) -> None:
    """Hundreds of ids that went while the bridge was down, and behind them a fix that only its id can find."""
    child = line.start_bridge()
    line.send("anna", NOW)
    line.wait_complete(1)
    child.stop()
    line.traccar.burn_position_ids(400)
    line.send("anna", NOW - 7_000 * 86_400)
    line.send("anna", NOW + 1)
    line.start_bridge()
    line.wait_complete(3)


def test_kill_loses_nothing(line: Line) -> None:
    """SIGKILL at several moments, with reports all the time and late ones among them, loses and doubles nothing."""
    sent = 0
    for wait_s in (1.2, 1.6, 2.5):
        child = line.start_bridge(wait=False)
        until_s = time.monotonic() + wait_s
        while time.monotonic() < until_s:
            line.send("anna", NOW + sent)
            line.send("ben", NOW - sent)
            sent += 1
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        child.stop()
    line.start_bridge()
    line.wait_complete(2 * sent)


def test_stored_while_the_bridge_was_down(line: Line) -> None:
    """Reports that came while no bridge ran, late ones among them, are fetched at the next start."""
    child = line.start_bridge()
    line.send("anna", NOW)
    line.wait_complete(1)
    child.stop()
    for number in range(1, 30):
        line.send("anna", NOW + number)
        line.send("anna", NOW - number)
    line.start_bridge()
    line.wait_complete(59)


def test_replay_changes_nothing(line: Line) -> None:
    """Fixes that come again are counted and not written: nothing wakes downstream."""
    for number in range(20):
        line.send("anna", NOW + number)
    child = line.start_bridge()
    line.wait_complete(20)
    before = list(line.database[FIXES].find().sort("_id"))
    child.stop()
    line.database[BOOKMARKS].delete_many({})
    line.start_bridge()
    line.send("anna", NOW + 100)
    line.wait_complete(21)
    after = list(line.database[FIXES].find({"_id": {"$ne": "main:21"}}).sort("_id"))
    assert after == before
    assert line.metric("itrack_bridge_fixes_duplicate_total") > 0


def test_cut_and_restarted_traccar_is_reconnected(line: Line) -> None:
    """A socket that breaks and a Traccar that restarts are found again, and what happened meanwhile is fetched."""
    line.start_bridge()
    line.send("anna", NOW)
    line.wait_complete(1)
    line.traccar.cut_sockets()
    line.send("anna", NOW - 5)
    line.wait_complete(2)
    line.traccar.restart()
    line.send("anna", NOW + 5)
    line.send("anna", NOW - 6)
    line.wait_complete(4)
    assert line.metric('itrack_bridge_reconnects_total{reason="closed"}') >= 2


def test_silent_peer_is_taken_for_dead(line: Line, wait_until: WaitUntil) -> None:
    """A socket that stays open and says nothing, keepalives included, is left; fixes come by REST meanwhile."""
    line.start_bridge(bridge_silence_s=1.5)
    line.traccar.go_silent()
    line.send("anna", NOW)
    line.wait_complete(1)
    wait_until(lambda: line.metric('itrack_bridge_reconnects_total{reason="silent"}') >= 1)
    line.traccar.go_silent(silent=False)
    line.send("anna", NOW + 1)
    line.wait_complete(2)
    wait_until(lambda: line.health()["healthy"])


def test_device_given_later_is_followed(line: Line, wait_until: WaitUntil) -> None:
    """A device that is new is on the roster within a round, and marked when it is deleted."""
    line.start_bridge()
    number = line.traccar.add_device("cleo", "Cleo")
    line.send("cleo", NOW)
    line.send("cleo", NOW - 10)
    line.wait_complete(2)
    wait_until(lambda: (line.database[DEVICES].find_one({"_id": f"main:{number}"}) or {}).get("name") == "Cleo")
    line.as_administrator("DELETE", f"/devices/{number}")
    wait_until(lambda: line.database[DEVICES].find_one({"_id": f"main:{number}"})["status"] == "removed")


def test_changed_device_is_followed(line: Line, wait_until: WaitUntil) -> None:
    """Nobody tells the bridge when a device is renamed, moved to another group or phone, or disabled: it asks."""
    line.start_bridge()
    line.send("anna", NOW)
    line.wait_complete(1)

    def change(**fields: object) -> None:
        line.as_administrator("PUT", "/devices/1", {"id": 1, "name": "Anna", "uniqueId": "anna", **fields})

    def shown() -> dict[str, Any]:
        return dict(line.database[DEVICES].find_one({"_id": "main:1"}))

    change(name="Anna B.", groupId=7)
    wait_until(lambda: shown()["name"] == "Anna B.")
    line.send("anna", NOW + 1)
    line.send("anna", NOW - 1)
    line.wait_complete(3)
    change(uniqueId="annas-new-phone")
    wait_until(lambda: shown()["unique_id"] == "annas-new-phone")
    line.send("annas-new-phone", NOW + 2)
    line.send("annas-new-phone", NOW - 2)
    line.wait_complete(5)
    change(disabled=True)
    wait_until(lambda: shown()["disabled"])
    with pytest.raises(httpx2.RemoteProtocolError):
        line.send("anna", NOW + 3)
    change()
    wait_until(lambda: not shown()["disabled"])
    line.send("anna", NOW + 4)
    line.send("anna", NOW - 4)
    line.wait_complete(7)
    assert {document["device_id"] for document in line.database[FIXES].find()} == {"main:1"}


def test_device_that_comes_back_is_followed(line: Line, wait_until: WaitUntil) -> None:
    """A phone whose device was deleted and made anew is another device; what the old one left stays."""
    line.start_bridge()
    line.send("ben", NOW)
    line.wait_complete(1)
    line.as_administrator("DELETE", "/devices/2")
    wait_until(lambda: line.database[DEVICES].find_one({"_id": "main:2"})["status"] == "removed")
    number = line.traccar.add_device("ben")
    line.send("ben", NOW + 1)
    line.send("ben", NOW - 1)
    wait_until(lambda: line.stored() == {"main:1", "main:2", "main:3"})
    found = line.database[FIXES].distinct("device_id")
    assert set(found) == {"main:2", f"main:{number}"}
    assert line.database[DEVICES].find_one({"_id": "main:2"})["status"] == "removed"


def test_unlinked_device_is_not_stored(line: Line, wait_until: WaitUntil) -> None:
    """Traccar streams on what the user lost the right to see, and lets administrators ask for it: it is not stored."""
    line.start_bridge()
    line.send("ben", NOW)
    line.wait_complete(1)
    line.as_administrator("DELETE", "/permissions", {"userId": 1, "deviceId": 2})
    wait_until(lambda: line.database[DEVICES].find_one({"_id": "main:2"})["status"] == "removed")
    line.send("ben", NOW + 1)
    line.send("anna", NOW + 1)
    wait_until(lambda: "main:3" in line.stored())
    time.sleep(1.5)
    assert line.stored() == {"main:1", "main:3"}
    line.as_administrator("POST", "/permissions", {"userId": 1, "deviceId": 2})
    line.wait_complete(3)


def test_sick_rest_does_not_stop_the_socket(line: Line, wait_until: WaitUntil) -> None:
    """While REST answers with errors, live fixes go on and the health tells; afterwards late ones are fetched."""
    line.start_bridge()
    line.traccar.faults.rest_status = 503
    line.send("anna", NOW)
    line.send("anna", NOW - 9)
    wait_until(lambda: "main:1" in line.stored())
    wait_until(lambda: not line.health()["healthy"])
    assert "503" in str(line.health()["detail"])
    line.traccar.faults.rest_status = None
    line.wait_complete(2)
    wait_until(lambda: line.health()["healthy"])


def test_token_stays_out_of_the_log(line: Line, wait_until: WaitUntil) -> None:
    """Whatever goes wrong with socket and REST, the token is not written anywhere."""
    token = line.traccar.token
    child = line.start_bridge(log_level="debug")
    wait_until(lambda: line.metric("itrack_bridge_connected") == 1)
    line.traccar.cut_sockets()
    line.traccar.faults.rest_status = 500
    wait_until(lambda: line.metric('itrack_bridge_reconnects_total{reason="closed"}') >= 1)
    wait_until(lambda: line.metric('itrack_bridge_reconnects_total{reason="down"}') >= 2)
    line.traccar.stop()
    before = line.metric('itrack_bridge_reconnects_total{reason="down"}')
    wait_until(lambda: line.metric('itrack_bridge_reconnects_total{reason="down"}') > before)
    child.stop()
    log = child.log_file.read_text()
    assert "part_started" in log
    assert token not in log
    assert token[-20:] not in log


@pytest.mark.parametrize(
    ("sign_in", "hint"),
    [
        ({"traccar_token": "wrong"}, "token"),
        ({"traccar_token": None, "traccar_email": "admin@example.org", "traccar_password": "wrong"}, "password"),
        ({"traccar_token": None}, "ITRACK_TRACCAR_TOKEN"),
    ],
)
def test_wrong_sign_in_ends_with_a_sentence(
    line: Line, wait_until: WaitUntil, sign_in: dict[str, Any], hint: str
) -> None:
    """A sign-in that Traccar refuses at the start is for a person to mend: one sentence and status 2."""
    child = line.start_bridge(wait=False, **sign_in)
    wait_until(lambda: child.pid is None)
    assert child._process.returncode == 2
    assert hint in child.log_file.read_text().splitlines()[-1]


def test_password_signs_in_as_well(line: Line) -> None:
    """E-mail and password open a session that REST and the socket share; a restart, which ends it, is survived."""
    line.start_bridge(traccar_token=None, traccar_email="admin@example.org", traccar_password="admin")
    line.send("anna", NOW)
    line.wait_complete(1)
    line.traccar.restart()
    line.send("anna", NOW + 1)
    line.send("anna", NOW - 1)
    line.wait_complete(3)
    assert line.metric("itrack_bridge_connected") == 1


def test_long_past_is_read_though_the_server_cuts_answers(line: Line) -> None:
    """An older Traccar cuts long answers without a word; the past is whole all the same."""
    line.traccar.stop()
    line.traccar.options = type(line.traccar.options)(max_positions=1_000)
    line.traccar.start()
    for number in range(2_500):
        line.send("anna", NOW - 3 * number)
    line.start_bridge()
    line.wait_complete(2_500, within_s=30)


def follow_anna_only(line: Line, wait_until: WaitUntil, **overrides: Any) -> int:
    """Start a bridge that may see one of two busy phones, and wait until it has given up to ask for every id.

    Returns:
        How many fixes were sent that it may see; all are stored.
    """
    user = {"name": "Bridge", "email": "bridge@example.org", "password": "bridge"}
    number = line.as_administrator("POST", "/users", user).json()["id"]
    line.as_administrator("POST", "/permissions", {"userId": number, "deviceId": 1})
    sign_in = {"traccar_token": None, "traccar_email": "bridge@example.org", "traccar_password": "bridge"}
    line.start_bridge(**sign_in, **overrides)
    sent = 0
    for turn in range(600):
        line.send("ben", NOW + turn)
        if turn % 100 == 0:
            line.send("anna", NOW + turn)
            line.send("anna", NOW - turn - 1)
            sent += 2
    wait_until(lambda: len(line.stored()) == sent)
    wait_until(lambda: line.metric("itrack_bridge_unproven_ids_total") > 0)
    return sent


def test_hidden_positions_of_other_users(line: Line, wait_until: WaitUntil) -> None:
    """A user who may see one of two busy phones: ids are mostly refused, and every fix of the one phone is stored.

    Asking one by one is given up after some hundred refusals; from there on doubt is resolved by time.
    """
    sent = follow_anna_only(line, wait_until)
    assert {document["device_id"] for document in line.database[FIXES].find()} == {"main:1"}
    line.send("anna", NOW - 5000)
    wait_until(lambda: len(line.stored()) == sent + 1)


def test_late_fix_behind_a_dead_socket_where_ids_are_hidden(line: Line, wait_until: WaitUntil) -> None:
    """The socket is found dead long after a report, noticed by rounds in between: its fix is read all the same."""
    sent = follow_anna_only(line, wait_until, bridge_silence_s=4.0)
    line.send("anna", NOW + 1000)
    wait_until(lambda: len(line.stored()) == sent + 1)
    line.traccar.go_silent()
    line.send("anna", NOW - 5000)
    reconnects = 'itrack_bridge_reconnects_total{reason="silent"}'
    wait_until(lambda: line.metric(reconnects) >= 1)
    line.traccar.go_silent(silent=False)
    wait_until(lambda: len(line.stored()) == sent + 2)
