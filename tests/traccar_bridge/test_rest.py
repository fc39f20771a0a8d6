"""Traccar's REST API when what answers is not Traccar, is too large, or is behind a proxy that is not meant for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from itrack.settings import Settings, load_settings
from simulator.registration import register_devices
from simulator.stand_in.server import StandIn, stand_in_traccar
from traccar_bridge import rest
from traccar_bridge.errors import Down
from traccar_bridge.feed import open_socket
from traccar_bridge.rest import Traccar
from traccar_bridge.sign_in import SignIns

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with stand_in_traccar() as running:
        running.add_device("anna")
        yield running


@pytest.fixture
def towards(stand_in: StandIn) -> Settings:
    return load_settings(traccar_url=stand_in.web_url, traccar_token=stand_in.token)


def test_a_page_instead_of_a_list_means_down(stand_in: StandIn, towards: Settings) -> None:
    """A maintenance page with status 200 is for trying again later: each question says so in a sentence."""
    stand_in.faults.rest_status = 200
    with Traccar(towards, SignIns(towards)) as traccar:
        with pytest.raises(Down, match="no list"):
            traccar.devices()
        with pytest.raises(Down, match="no list"):
            traccar.positions([1])
        with pytest.raises(Down, match="no list"):
            traccar.positions_between(1, NOW, NOW)


def test_too_many_devices_mean_down_and_say_what_to_do(towards: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of devices that is larger than the bridge takes does not end it: a person reads what to do."""
    monkeypatch.setattr(rest, "_MOST_BYTES_OF_DEVICES", 10)
    with Traccar(towards, SignIns(towards)) as traccar, pytest.raises(Down, match="given fewer"):
        traccar.devices()


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    towards: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment names a proxy for the world outside, a Traccar on this machine is reached all the same."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Traccar(towards, SignIns(towards)) as traccar:
        assert len(traccar.devices()) == 1
        open_socket(towards, traccar).close()
    assert register_devices(["ben"], towards).created == 1
