"""A part answers about its health whoever else is connected, and ends when it is asked to."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import httpx2
import pytest

from itrack.errors import FixConfiguration
from itrack.part import Part
from itrack.settings import load_settings
from tests.support.ports import free_ports


@pytest.fixture
def part() -> Iterator[Part]:
    """A part that has not started; the process gets its own way with signals back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    (port,) = free_ports(1)
    yield Part("bridge", load_settings(), port)
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(part: Part, path: str) -> httpx2.Response:
    return httpx2.get(f"http://127.0.0.1:{part._port}{path}", timeout=30)


def test_health_is_what_the_loop_said_last(part: Part) -> None:
    """A part that has not spoken is starting, which is not healthy; then its own sentence is told."""
    with part:
        starting = ask(part, "/healthz")
        part.healthy()
        working = ask(part, "/healthz")
        part.unhealthy("MongoDB does not answer.")
        waiting = ask(part, "/healthz")
    assert [each.status_code for each in (starting, working, waiting)] == [503, 200, 503]
    assert [each.json()["detail"] for each in (starting, working, waiting)] == [
        "starting",
        "working",
        "MongoDB does not answer.",
    ]
    assert [each.json()["healthy"] for each in (starting, working, waiting)] == [False, True, False]
    assert working.json()["part"] == "bridge"


@pytest.mark.timeout(60)
def test_a_client_that_says_nothing_keeps_nobody_waiting(part: Part) -> None:
    """An idle connection, before or in the middle of a request, holds up neither other clients nor the part's end."""
    with socket.socket() as silent, socket.socket() as halfway:
        with part:
            silent.connect(("127.0.0.1", part._port))
            halfway.connect(("127.0.0.1", part._port))
            halfway.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
            part.healthy()
            assert ask(part, "/healthz").status_code == 200
            assert "python_info" in ask(part, "/metrics").text
        with pytest.raises(httpx2.ConnectError):
            ask(part, "/healthz")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_ask_the_part_to_stop(part: Part, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C let the loop come to its end instead of breaking it off."""
    with part:
        assert not part.stopping.is_set()
        os.kill(os.getpid(), number)
        assert part.stopping.wait(30)


def test_a_taken_port_is_named_with_its_setting(part: Part) -> None:
    """Two bridges on one machine: the second says what to set."""
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", part._port))
        occupant.listen()
        with pytest.raises(FixConfiguration, match="ITRACK_BRIDGE_METRICS_PORT") as refused, part:
            pass
    assert str(part._port) in str(refused.value)
