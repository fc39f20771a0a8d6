"""A stand-in Traccar for each test, and a small client for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import websocket
from pydantic import SecretStr

from itrack.settings import Settings
from simulator.stand_in import StandIn, stand_in_traccar


class Client:
    """The administrator of a stand-in: REST, OsmAnd over one connection, sockets."""

    def __init__(self, traccar: StandIn) -> None:
        self.traccar = traccar
        self.token = traccar.token
        self.rest = httpx2.Client(base_url=traccar.web_url, headers={"Authorization": f"Bearer {self.token}"})
        self.phone = httpx2.Client(base_url=traccar.osmand_url)

    def register(self, unique_id: str) -> int:
        """Create a device; its id."""
        answer = self.rest.post("/api/devices", json={"name": unique_id, "uniqueId": unique_id})
        return int(answer.json()["id"])

    def report(self, unique_id: str, at: int | str, **more: float | str) -> int:
        """Send one query-form report; the status."""
        parameters = {"id": unique_id, "timestamp": at, "lat": 47.0, "lon": 8.0, **more}
        return self.phone.get("/", params=parameters).status_code

    def socket(self, **options: Any) -> Any:
        """Open a websocket with the token."""
        address = f"{self.traccar.web_url.replace('http', 'ws', 1)}/api/socket"
        options.setdefault("timeout", 30)
        query = "" if "cookie" in options or "header" in options else f"?token={self.token}"
        return websocket.create_connection(address + query, **options)

    def stored(self, count: int) -> list[Any]:
        """All positions, once there are at least so many."""
        self.wait_until(lambda: len(self.traccar.stored_positions()) >= count)
        return self.traccar.stored_positions()

    def frame(self, socket: Any) -> dict[str, Any]:
        """The next frame."""
        read: dict[str, Any] = json.loads(socket.recv())
        return read

    def frames_until(self, socket: Any, key: str) -> dict[str, Any]:
        """The next frame of a kind, others left out."""
        while key not in (read := self.frame(socket)):
            pass
        return read

    def wait_until(self, is_true: Callable[[], bool]) -> None:
        """Wait for something; fail if it does not come."""
        wait_until(is_true)

    def close(self) -> None:
        """Close the connections."""
        self.rest.close()
        self.phone.close()


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait for something; fail if it does not come."""
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


@pytest.fixture
def traccar() -> Iterator[StandIn]:
    """A fresh stand-in."""
    with stand_in_traccar() as running:
        yield running


@pytest.fixture
def client(traccar: StandIn) -> Iterator[Client]:
    """Its administrator."""
    client = Client(traccar)
    yield client
    client.close()


@pytest.fixture
def towards(traccar: StandIn) -> Settings:
    """Settings that point at the stand-in."""
    return Settings(
        traccar_url=traccar.web_url,
        osmand_url=traccar.osmand_url,
        traccar_token=SecretStr(traccar.token),
        _env_file=None,
    )
