"""A stand-in Traccar with phones, and the bridge between it and the real MongoDB."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from pymongo.database import Database

from infra.parts import health
from infra.process import Child
from itrack.mongo import FIXES, Document, open_database
from itrack.settings import Settings
from simulator.stand_in.server import StandIn, stand_in_traccar


class Line:
    """Phones, Traccar, bridge and MongoDB of one test."""

    def __init__(
        self,
        traccar: StandIn,
        settings: Settings,
        database: Database[Document],
        start_part: Callable[..., Child],
        home: Path,
    ) -> None:
        self.traccar = traccar
        self.home = home
        self.settings = settings
        self.database = database
        self._start_part = start_part
        self._phones = httpx2.Client()

    def start_bridge(self, *, wait: bool = True, **overrides: object) -> Child:
        """Start the bridge; with `wait`, return once it is healthy."""
        sign_in = {"traccar_url": self.traccar.web_url, "traccar_token": SecretStr(self.traccar.token)}
        quick = {"bridge_reconcile_s": 1.0, "bridge_doubt_s": 0.5}
        return self._start_part("bridge", wait=wait, **{"home": self.home, **sign_in, **quick, **overrides})

    def send(self, phone: str, at_s: float, **more: object) -> int:
        """One OsmAnd report; the answer's status."""
        query = {"id": phone, "lat": 47.0, "lon": 8.0, "timestamp": int(at_s), **more}
        status: int = self._phones.get(self.traccar.osmand_url, params=query).status_code
        return status

    def as_administrator(self, method: str, path: str, body: object = None) -> httpx2.Response:
        """One REST request that must succeed."""
        sign_in = {"Authorization": f"Bearer {self.traccar.token}"}
        answer = httpx2.request(method, f"{self.traccar.web_url}/api{path}", json=body, headers=sign_in)
        answer.raise_for_status()
        return answer

    def stored(self) -> set[str]:
        """Identifiers of the fixes in MongoDB."""
        return {document["_id"] for document in self.database[FIXES].find({}, {"_id": 1})}

    def in_traccar(self) -> set[str]:
        """Identifiers of all positions that Traccar stored."""
        return {f"main:{position.id}" for position in self.traccar.stored_positions()}

    def wait_complete(self, count: int, within_s: float = 20.0) -> None:
        """Wait until Traccar has stored `count` positions and MongoDB has the very same."""
        deadline_s = time.monotonic() + within_s
        while len(self.in_traccar()) < count or self.stored() != self.in_traccar():
            assert time.monotonic() < deadline_s, (
                f"Traccar has {len(self.in_traccar())} of {count}, MongoDB lacks "
                f"{sorted(self.in_traccar() - self.stored())}, and the bridge says: {self.health()}"
            )
            time.sleep(0.05)
        assert len(self.stored()) == count

    def metric(self, name: str, port: int | None = None) -> float:
        """The value of one of the bridge's metrics, 0 when it has none; `port` of another bridge than the first."""
        text = httpx2.get(f"http://127.0.0.1:{port or self.settings.bridge_metrics_port}/metrics").text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def health(self, port: int | None = None) -> dict[str, object]:
        """What the bridge says of itself, nothing while it starts; `port` of another bridge than the first."""
        return health(f"http://127.0.0.1:{port or self.settings.bridge_metrics_port}") or {}


@pytest.fixture
def line(settings: Settings, start_part: Callable[..., Child], tmp_path: Path) -> Iterator[Line]:
    database = open_database(settings, part="test")
    with stand_in_traccar(tmp_path / "traccar", keepalive_s=0.5) as traccar:
        traccar.add_device("anna")
        traccar.add_device("ben")
        yield Line(traccar, settings, database, start_part, tmp_path / "home")
    database.client.close()


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[..., None]:
    return wait_until


def wait_until(is_so: Callable[[], object], within_s: float = 20.0) -> None:
    """Return once `is_so`, fail when it takes too long."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)
