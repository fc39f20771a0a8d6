"""The page in a real browser, on a running map."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from infra.process import Child
from itrack.device import Device
from itrack.mobility import Anomaly, Event, EventKind, Severity, Staypoint
from itrack.mongo import DEVICES
from itrack.settings import Settings
from itrack.wire import document_of
from tests.live_map.conftest import Line
from tests.live_map.fixes import make_fix

pytestmark = [pytest.mark.services, pytest.mark.browser]

_PATIENCE_MS = 40_000
expect.set_options(timeout=_PATIENCE_MS)

HOSTILE = "<img src=x onerror=alert(1)>"

PLACE_OF = """(id) => {
    let place = null;
    window.itrackPage.layers.people.eachLayer((dot) => {
        if (dot.options.deviceId === id) place = [dot.getLatLng().lat, dot.getLatLng().lng];
    });
    return place;
}"""

SEGMENTS = """() => window.itrackPage.layers.trails.getLayers().flatMap(
    (trail) => trail.getLatLngs().filter((part) => part.length).map((part) => part.map((place) => place.lat)))"""


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """A browser that calls nobody by itself."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


class Watched:
    """A page, and everything that went wrong on it."""

    def __init__(self, browser: Browser, settings: Settings) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1200, "height": 800})
        self.page.set_default_timeout(_PATIENCE_MS)
        self.wrong: list[str] = []
        self._address = settings.map_address
        self.page.on("console", lambda message: message.type in {"error", "warning"} and self._note(message.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("dialog", lambda dialog: (self._note(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self._is_ours(request.url) or self._note(f"asked for {request.url}"))

    def open(self) -> Page:
        """Load the map and wait until it is live."""
        self.page.goto(self._address)
        expect(self.page.locator("#badge")).to_have_attribute("data-kind", "live")
        return self.page

    def _is_ours(self, url: str) -> bool:
        return url.startswith(f"{self._address}/")

    def _note(self, text: str) -> None:
        self.wrong.append(text)


@pytest.fixture
def watched(browser: Browser, settings: Settings) -> Watched:
    """A page that is not open yet."""
    return Watched(browser, settings)


def wait_for_place(page: Page, device_id: str, latitude_deg: float) -> None:
    """Wait until the marker of a device is on a latitude."""
    page.wait_for_function(
        f"([id, latitude]) => Math.abs((({PLACE_OF})(id) ?? [0])[0] - latitude) < 1e-9", arg=[device_id, latitude_deg]
    )


@pytest.mark.usefixtures("the_map")
def test_markers_move_as_fixes_arrive(watched: Watched, line: Line) -> None:
    """A fix on Kafka moves the marker without a request, a late one does not move it back, a name stays text."""
    at = datetime.now(UTC) - timedelta(minutes=2)
    line.store(make_fix(0, at=at))
    line.database[DEVICES].insert_one(document_of(Device(device_id="main:1", unique_id="1", name=HOSTILE)))
    page = watched.open()
    wait_for_place(page, "main:1", 47.0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    line.tell(make_fix(3, at=at + timedelta(seconds=30)))
    wait_for_place(page, "main:1", 47.0003)
    line.tell(make_fix(2, at=at + timedelta(seconds=20)), make_fix(4, device="main:2", at=at))
    wait_for_place(page, "main:2", 47.0004)
    page.wait_for_function(f"() => ({SEGMENTS})()[0].length === 3")

    assert page.evaluate(PLACE_OF, "main:1") == [47.0003, 8.0]
    assert page.evaluate(SEGMENTS) == [[47.0, 47.0002, 47.0003]]
    assert asked == []
    expect(page.locator("#rows-people .row-name").first).to_have_text(HOSTILE)
    page.locator("#rows-people button").first.click()
    expect(page.locator("#card h2")).to_have_text(HOSTILE)
    expect(page.locator(".name-label").first).to_have_text(HOSTILE)
    assert page.locator("img[src=x]").count() == 0
    assert watched.wrong == []


@pytest.mark.usefixtures("the_map")
def test_a_crowd_is_listed_and_is_nobody(watched: Watched, line: Line) -> None:
    """An anomaly of a place has its sentence in the list and makes no person up."""
    line.store(make_fix(1))
    page = watched.open()
    line.tell(anomaly_event("24 people instead of 3.", "cell:8a1f8d9a4c97fff"))
    page.locator("#tab-anomalies").click()
    expect(page.locator("#rows-anomalies")).to_contain_text("24 people instead of 3.")
    expect(page.locator("#rows-anomalies .row-name")).to_have_text("Crowd")
    page.locator("#tab-people").click()
    expect(page.locator("#rows-people")).not_to_contain_text("cell:")
    assert watched.wrong == []


@pytest.mark.usefixtures("the_map")
def test_stops_gaps_and_anomalies_are_shown(watched: Watched, line: Line) -> None:
    """A stop becomes a circle with a note, no line crosses a silence, an anomaly is listed with its sentence."""
    at = datetime.now(UTC) - timedelta(hours=1)
    line.store(
        *[make_fix(number, at=at + timedelta(minutes=minute)) for number, minute in enumerate((0, 1, 2, 12, 13))]
    )
    page = watched.open()
    page.wait_for_function(f"() => ({SEGMENTS})().length === 2")
    assert page.evaluate(SEGMENTS) == [[47.0, 47.0001, 47.0002], [47.0003, 47.0004]]

    line.tell(stop_event(EventKind.STAYPOINT_STARTED), anomaly_event(f"{HOSTILE} moved fast."))
    page.wait_for_function("() => window.itrackPage.layers.stops.getLayers().length === 1")
    page.locator("#tab-stops").click()
    page.locator("#rows-stops button").click()
    expect(page.locator(".leaflet-popup h3")).to_have_text("main:1")
    expect(page.locator(".leaflet-popup")).to_contain_text("still here")
    page.locator("#tab-anomalies").click()
    expect(page.locator("#rows-anomalies")).to_contain_text(f"{HOSTILE} moved fast.")
    expect(page.locator("#rows-anomalies .severity")).to_have_text("high")

    line.tell(stop_event(EventKind.STAYPOINT_WITHDRAWN))
    page.wait_for_function("() => window.itrackPage.layers.stops.getLayers().length === 0")
    assert watched.wrong == []


def test_the_page_tells_when_it_has_lost_the_server_and_comes_back(
    watched: Watched, line: Line, start_part: Callable[..., Child]
) -> None:
    """While the server is away the page says so, and afterwards it shows what happened in between."""
    at = datetime.now(UTC)
    line.store(make_fix(0, at=at))
    first = start_part("map")
    page = watched.open()
    wait_for_place(page, "main:1", 47.0)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    expect(page.locator("#badge")).to_have_attribute("data-kind", "lost")
    expect(page.locator("#banner")).to_contain_text("What you see is from")
    line.store(make_fix(8, at=at + timedelta(seconds=1)))
    time.sleep(0.5)
    start_part("map")
    expect(page.locator("#badge")).to_have_attribute("data-kind", "live")
    wait_for_place(page, "main:1", 47.0008)
    expect(page.locator("#banner")).to_be_hidden()


@pytest.mark.usefixtures("the_map")
def test_two_thousand_people_stay_usable(watched: Watched, line: Line) -> None:
    """Two thousand markers load, all of them move, and a search is answered."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    crowd = [make_fix(0, device=f"main:{n}", at=at, longitude_deg=8 + n / 1000) for n in range(2000)]
    line.store(*crowd)
    page = watched.open()
    page.wait_for_function("() => window.itrackPage.layers.people.getLayers().length === 2000")
    line.tell(
        *[
            make_fix(5, device=f"main:{n}", at=at + timedelta(seconds=9), longitude_deg=8 + n / 1000)
            for n in range(2000)
        ]
    )
    wait_for_place(page, "main:1999", 47.0005)
    page.locator("#search").fill("main:1777")
    expect(page.locator("#rows-people .row-name")).to_have_text(["main:1777"])
    assert watched.wrong == []


@pytest.mark.usefixtures("the_map")
def test_the_keyboard_reaches_everything(watched: Watched, line: Line) -> None:
    """A person is found, opened, followed and closed without a mouse."""
    line.store(make_fix(0, at=datetime.now(UTC)))
    page = watched.open()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("() => location.hash") == "#search"
    page.locator("#search").focus()
    page.keyboard.type("main")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#card h2")).to_have_text("main:1")
    page.locator("#card .follow").focus()
    page.keyboard.press("Space")
    expect(page.locator("#card .follow")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()
    page.locator("#tab-people").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#list-stops")).to_be_visible()
    assert watched.wrong == []


def stop_event(kind: EventKind) -> Event:
    """A stop of the first device begins or was none."""
    now = datetime.now(UTC)
    staypoint = Staypoint(
        staypoint_id="main:1:stay:1",
        device_id="main:1",
        started_at=now - timedelta(minutes=20),
        ended_at=None,
        last_fixed_at=now,
        latitude_deg=47.0002,
        longitude_deg=8.0,
        fix_count=3,
        judged_at=now - timedelta(minutes=20),
        rules="1",
    )
    return Event(
        event_id=f"e:{kind}", kind=kind, device_id="main:1", happened_at=now, knowable_at=now, staypoint=staypoint
    )


def anomaly_event(sentence: str, subject: str = "main:1") -> Event:
    """Something unusual about a device, or a place."""
    now = datetime.now(UTC)
    anomaly = Anomaly(
        anomaly_id=f"a:{subject}",
        device_id=subject,
        kind="jump",
        severity=Severity.HIGH,
        happened_at=now,
        sentence=sentence,
        fix_id=None,
        judged_at=now,
        rules="1",
    )
    return Event(
        event_id=f"a:{subject}",
        kind=EventKind.ANOMALY_FOUND,
        device_id=subject,
        happened_at=now,
        knowable_at=now,
        anomaly=anomaly,
    )
