"""The map as it runs: a process of its own between the real MongoDB, the real Kafka, and its readers."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psutil
import pytest
import websocket
from msgspec.structs import replace

from infra.process import Child
from itrack.device import Device
from itrack.kafka import ensure_topics
from itrack.mobility import Anomaly, Event, EventKind, Severity, Staypoint
from itrack.mongo import ANOMALIES, DEVICES, FIXES, HABIT_ANOMALIES, STAYPOINTS
from itrack.settings import Settings
from itrack.wire import document_of
from live_map.state import read_state
from tests.live_map.conftest import Line
from tests.live_map.fixes import make_fix

pytestmark = pytest.mark.services

Start = Callable[..., Child]


def now() -> datetime:
    """Now, as MongoDB keeps it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def get(settings: Settings, path: str, **query: str) -> Any:
    """What the map answers, decoded."""
    answer = httpx2.get(f"{settings.map_address}{path}", params=query, timeout=20)
    answer.raise_for_status()
    return answer.json()


def metric(settings: Settings, name: str) -> float:
    """The value of a metric, with its labels in the name."""
    for row in httpx2.get(f"{settings.map_address}/metrics", timeout=10).text.splitlines():
        if row.startswith(f"{name} "):
            return float(row.split()[-1])
    return 0.0


class Page:
    """A reader of the websocket."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket

    def frame(self, kind: str, within_s: float = 30.0) -> dict[str, Any]:
        """The next frame of a kind."""
        ends_s = time.monotonic() + within_s
        while time.monotonic() < ends_s:
            self._socket.settimeout(max(0.1, ends_s - time.monotonic()))
            frame: dict[str, Any] = json.loads(self._socket.recv())
            if frame["kind"] == kind:
                return frame
        pytest.fail(f"no frame {kind!r} within {within_s} s")

    def fix(self, fix_id: str) -> dict[str, Any]:
        """The fix, once it has come."""
        while True:
            for fix in self.frame("news")["fixes"]:
                if fix["fix_id"] == fix_id:
                    return dict(fix)


@contextmanager
def open_page(settings: Settings, **options: Any) -> Iterator[Page]:
    """A reader that has been greeted."""
    socket = websocket.create_connection(f"ws{settings.map_address.removeprefix('http')}/ws", timeout=15, **options)
    try:
        page = Page(socket)
        page.frame("hello")
        yield page
    finally:
        socket.close()


@pytest.mark.usefixtures("the_map")
def test_fixes_and_stops_on_kafka_are_pushed(line: Line, settings: Settings) -> None:
    """What reaches Kafka reaches an open page by itself, and is measured."""
    started = Event(
        event_id="main:1:stay:1:started",
        kind=EventKind.STAYPOINT_STARTED,
        device_id="main:1",
        happened_at=now(),
        knowable_at=now(),
        staypoint=stop("main:1"),
    )
    with open_page(settings) as page:
        line.tell(make_fix(1, at=now(), server_at=now()))
        fix = page.fix("main:1-1")
        line.tell(started)
        (event,) = page.frame("news")["events"]
    assert (fix["latitude_deg"], fix["longitude_deg"]) == (47.0001, 8.0)
    assert (event["kind"], event["staypoint"]["staypoint_id"]) == ("staypoint_started", "main:1:stay:1")
    assert metric(settings, "itrack_map_fix_latency_seconds_count") == 1
    assert metric(settings, "itrack_map_frames_sent_total") >= 1


@pytest.mark.usefixtures("the_map")
def test_what_cannot_be_read_is_counted_and_passed_over(line: Line, settings: Settings) -> None:
    """A broken message, one without a value and one of a newer version stop nothing."""
    with open_page(settings) as page:
        for value in (b"\xff not json", None, b'{"schema": 99}', b'{"schema": 1}'):
            line.tell_raw(settings.fixes_topic, "main:1", value)
        line.tell(make_fix(5))
        assert page.fix("main:1-5")
    assert metric(settings, 'itrack_map_set_aside_total{reason="not_a_fix"}') == 3
    assert metric(settings, 'itrack_map_set_aside_total{reason="unknown_schema"}') == 1


@pytest.mark.usefixtures("the_map")
def test_the_state_is_what_a_page_needs(line: Line, settings: Settings) -> None:
    """Names, the fix to show, the trail, stops and anomalies come in one answer."""
    line.store(*[make_fix(number, device=device) for number in range(5) for device in ("main:1", "main:2")])
    line.database[DEVICES].insert_one(document_of(Device(device_id="main:1", unique_id="1", name="<b>Ada</b>")))
    line.database[STAYPOINTS].insert_one(document_of(stop("main:1")))
    line.database[ANOMALIES].insert_one(document_of(anomaly("main:2")))
    earlier = replace(anomaly("cell:8a1"), sentence="Many people.", happened_at=now() - timedelta(minutes=5))
    line.database[HABIT_ANOMALIES].insert_one(document_of(earlier))
    state = get(settings, "/api/state")
    assert {fix["fix_id"] for fix in state["fixes"]} == {"main:1-4", "main:2-4"}
    assert [latitude for _, latitude, _ in state["trails"]["main:1"]] == [47.0, 47.0001, 47.0002, 47.0003, 47.0004]
    assert state["devices"] == [{"device_id": "main:1", "name": "<b>Ada</b>", "disabled": False}]
    assert [each["staypoint_id"] for each in state["staypoints"]] == ["main:1:stay:1"]
    assert [each["sentence"] for each in state["anomalies"]] == ["It jumped.", "Many people."]


def test_lying_clocks_do_not_break_the_state(line: Line) -> None:
    """One fix from 2099 hides no honest one, and a phone that lives in 1901 is shown where it was heard last."""
    honest, later = now() - timedelta(days=40), now()
    line.store(
        make_fix(1, device="main:1", at=honest, server_at=honest),
        make_fix(2, device="main:1", at=datetime(2099, 1, 1, tzinfo=UTC), server_at=honest - timedelta(days=1)),
        make_fix(3, device="main:2", at=datetime(1901, 12, 13, tzinfo=UTC), server_at=later),
        make_fix(4, device="main:2", at=datetime(1901, 12, 13, tzinfo=UTC), server_at=later - timedelta(hours=1)),
    )
    state = read_state(line.database)
    assert {fix.fix_id for fix in state.fixes} == {"main:1-1", "main:2-3"}


def test_the_newest_of_each_device_is_found_by_the_index(line: Line) -> None:
    """Ten thousand fixes of ten phones cost MongoDB ten keys, not ten thousand."""
    line.store(*[make_fix(number, device=f"main:{number % 10}") for number in range(10_000)])
    pipeline = [
        {"$sort": {"device_id": -1, "fixed_at": -1}},
        {"$group": {"_id": "$device_id", "fix": {"$first": "$$ROOT"}}},
    ]
    plan = line.database.command(
        "explain",
        {"aggregate": FIXES, "pipeline": pipeline, "cursor": {}, "hint": "track"},
        verbosity="executionStats",
    )
    assert "DISTINCT_SCAN" in json.dumps(plan, default=str)
    assert plan["stages"][0]["$cursor"]["executionStats"]["totalKeysExamined"] < 50


@pytest.mark.usefixtures("the_map")
def test_a_track_is_cut_at_silence_and_simplified(line: Line, settings: Settings) -> None:
    """A long straight day comes back in few points, with the silence in the middle kept open."""
    line.store(*[make_fix(number) for number in range(3000)], *[make_fix(number) for number in range(4000, 7000)])
    line.store(make_fix(7000, accuracy_m=500.0))
    query = {"from": "2026-05-04T00:00:00Z", "to": "2026-05-05T00:00:00Z"}
    track = get(settings, "/api/track/main:1", **query)
    assert track["fix_count"] == 6001
    assert track["vague_count"] == 1
    assert track["is_simplified"]
    assert len(track["segments"]) == 2
    assert sum(map(len, track["segments"])) <= 2000
    assert get(settings, "/api/track/main:nobody", **query)["segments"] == []


@pytest.mark.usefixtures("the_map")
def test_foreign_pages_get_no_socket(settings: Settings) -> None:
    """Another site's page is refused, our own is not."""
    with (
        pytest.raises(websocket.WebSocketBadStatusException) as refused,
        open_page(settings, origin="http://evil.test"),
    ):
        pass
    assert refused.value.status_code == 403
    with open_page(settings, origin=settings.map_address):
        assert metric(settings, "itrack_map_clients") == 1


@pytest.mark.usefixtures("the_map")
def test_a_new_name_reaches_open_pages(line: Line, settings: Settings) -> None:
    """A phone that reports for the first time gets its name within seconds, without a reload."""
    with open_page(settings) as page:
        line.database[DEVICES].insert_one(document_of(Device(device_id="main:9", unique_id="9", name="Grace")))
        line.tell(make_fix(1, device="main:9"))
        while not (devices := page.frame("news")["devices"]):
            pass
    assert devices == [{"device_id": "main:9", "name": "Grace", "disabled": False}]


def test_it_ends_on_sigterm_with_pages_open(the_map: Child, settings: Settings) -> None:
    """Pages that stay do not hold it up, and the exit status is that of a good end."""
    assert the_map.pid is not None
    process = psutil.Process(the_map.pid)
    with open_page(settings):
        os.kill(the_map.pid, signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_without_topics_it_says_so_and_recovers(start_part: Start, settings: Settings) -> None:
    """Started before everybody else it serves the page, says what it waits for, and goes on once that is there."""
    start_part("map", wait=False, fixes_topic=f"{settings.fixes_topic}-not-yet")
    ends_s = time.monotonic() + 30
    while time.monotonic() < ends_s:
        try:
            answer = httpx2.get(f"{settings.map_address}/healthz", timeout=2)
        except httpx2.HTTPError:
            time.sleep(0.2)
            continue
        if "no topic" in answer.text:
            break
        time.sleep(0.2)
    assert answer.status_code == 503
    assert f"{settings.fixes_topic}-not-yet" in answer.json()["detail"]
    ensure_topics(settings.model_copy(update={"fixes_topic": f"{settings.fixes_topic}-not-yet"}))
    ends_s = time.monotonic() + 30
    while httpx2.get(f"{settings.map_address}/healthz", timeout=2).status_code != 200 and time.monotonic() < ends_s:
        time.sleep(0.2)
    assert httpx2.get(f"{settings.map_address}/healthz", timeout=2).status_code == 200


def stop(device_id: str) -> Staypoint:
    """A stop that goes on."""
    return Staypoint(
        staypoint_id=f"{device_id}:stay:1",
        device_id=device_id,
        started_at=now() - timedelta(minutes=20),
        ended_at=None,
        last_fixed_at=now(),
        latitude_deg=47.0,
        longitude_deg=8.0,
        fix_count=12,
        judged_at=now() - timedelta(minutes=20),
        rules="1",
    )


def anomaly(device_id: str) -> Anomaly:
    """Something unusual."""
    return Anomaly(
        anomaly_id=f"{device_id}:jump:1",
        device_id=device_id,
        kind="jump",
        severity=Severity.HIGH,
        happened_at=now(),
        sentence="It jumped.",
        fix_id=None,
        judged_at=now(),
        rules="1",
    )
