"""A real Prometheus scrapes the real watch: what the dashboard and the rules ask for is answered."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from itrack.fix import Fix
from itrack.mongo import FIXES, open_database
from itrack.settings import Settings
from itrack.wire import fix_document
from monitoring.dashboard.grafana import DASHBOARD
from monitoring.scrape import prometheus_config
from streaming.bookmark import Bookmark, place_bookmark
from tests.support.ports import free_ports

pytestmark = pytest.mark.services

OF_THE_WATCH = ("itrack_watch_", "itrack_mongodb_", "itrack_kafka_", "itrack_s3_", "itrack_host_", "itrack_fixes_")


@pytest.fixture
def prometheus(
    prometheus_binary: str, start_watch: Callable[..., str], settings: Settings, tmp_path: Path, unused_port: int
) -> Iterator[httpx2.Client]:
    """Prometheus with the shipped rules, scraping `itrack watch` on the test's own stack every second."""
    now = datetime.now(UTC)
    database = open_database(settings, part="tests")
    fix = Fix(
        fix_id="main:1", device_id="main:1", fixed_at=now, device_at=now, server_at=now, stored_at=now,
        latitude_deg=47.0, longitude_deg=8.0,
    )  # fmt: skip
    database[FIXES].insert_one(fix_document(fix))
    place_bookmark(database, "producer", Bookmark(token={"_data": "82"}, position_at=now))
    database.client.close()
    config = tmp_path / "prometheus.yml"
    config.write_text(prometheus_config(settings).replace("interval: 10s", "interval: 1s"))
    start_watch()
    program = subprocess.Popen(
        [
            prometheus_binary,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{unused_port}",
            "--log.level=warn",
        ]
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{unused_port}/api/v1") as client:
            yield client
    finally:
        program.terminate()
        program.wait(20)


@pytest.fixture
def unused_port() -> int:
    """A port for Prometheus that nothing listens on now."""
    (port,) = free_ports(1)
    return port


def _ask(prometheus: httpx2.Client, expr: str) -> list[Any]:
    response = prometheus.get("/query", params={"query": expr})
    if response.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
        return []
    answer = response.json()
    assert answer["status"] == "success", f"{expr}: {answer.get('error')}"
    result: list[Any] = answer["data"]["result"]
    return result


def _wait_for(prometheus: httpx2.Client, expr: str) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            if _ask(prometheus, expr):
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"Prometheus has no answer to {expr}")


def test_every_panel_is_answered(prometheus: httpx2.Client) -> None:
    """Prometheus understands every query of the dashboard, and those about what the watch sees have data."""
    _wait_for(prometheus, "count_over_time(itrack_kafka_messages_total[5s]) > 2")
    empty = []
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            expr = target["expr"].replace("$job", "itrack").replace("$__rate_interval", "10s")
            has_data = any(value["value"][1] != "NaN" for value in _ask(prometheus, expr))
            if not has_data and any(prefix in expr for prefix in OF_THE_WATCH):
                empty.append(f"{panel['title']}: {expr}")
    assert empty == []


def test_the_rules_are_evaluated_without_a_fault(prometheus: httpx2.Client) -> None:
    """Every rule is taken and evaluated on real series; the dead man fires, and absent parts are on their way to."""
    _wait_for(prometheus, 'ALERTS{alertname="DeadMan", alertstate="firing"}')
    _wait_for(prometheus, 'ALERTS{alertname="TargetDown", part="bridge", alertstate="pending"}')
    rules = [rule for group in prometheus.get("/rules").json()["data"]["groups"] for rule in group["rules"]]
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert firing == {"DeadMan"}
