"""The bad network itself: each kind of weather does what it says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.proxy import Network, Proxy
from tests.support.trap import Trap
from tests.support.weather import BOTH_WAYS, FINE, Weather

SOON_S = 0.3


class Echo:
    """A server that answers each message with itself, and keeps what it received."""

    def __init__(self) -> None:
        self.received = b""
        self.ends = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    self.received += data
                    connection.sendall(data)
            except OSError:
                pass
        self.ends += 1


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Network() as network:
        yield network.proxy(echo.port)


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        yield client


def say(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return client.recv(65_536)


def connect_and_listen(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        return client.recv(1)


def is_silent(client: socket.socket) -> bool:
    """Nothing comes, neither data nor an end."""
    client.settimeout(SOON_S)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    return False


def wait_until_so(is_so: object) -> None:
    deadline_s = time.monotonic() + 5
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline_s, "it did not come true"
        time.sleep(0.01)


def test_fine_weather_lets_everything_through_and_counts_it(proxy: Proxy, client: socket.socket) -> None:
    """What passes is handed on unchanged, both ways, and counted."""
    assert say(client, b"hello") == b"hello"
    wait_until_so(lambda: proxy.passed_bytes == {"up": 5, "down": 5})
    assert proxy.accepted == 1


def test_end_of_a_connection_is_handed_on(echo: Echo, client: socket.socket) -> None:
    """A client that closes is gone for the server too."""
    say(client, b"hello")
    client.close()
    wait_until_so(lambda: echo.ends == 1)


def test_cut_ends_and_reset_breaks(proxy: Proxy, client: socket.socket) -> None:
    """A cut connection ends as if the peer had closed it; a reset one is an error; new ones are well."""
    say(client, b"hello")
    proxy.cut()
    assert client.recv(1) == b""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as second:
        say(second, b"hello")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            second.recv(1)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as third:
        assert say(third, b"again") == b"again"


def test_delay_holds_an_open_connection_up(proxy: Proxy, client: socket.socket) -> None:
    """A delay counts for connections that are open already, once each way."""
    say(client, b"hello")
    proxy.set(Weather(delay_s=0.1, jitter_s=0.1))
    began_s = time.monotonic()
    assert say(client, b"hello") == b"hello"
    assert time.monotonic() - began_s >= 0.2


def test_throttle_lets_no_more_through(proxy: Proxy, client: socket.socket) -> None:
    """At 10,000 bytes a second, 4,000 take 0.4 s at least, and come whole."""
    proxy.set(Weather(bytes_per_s=10_000))
    client.sendall(b"x" * 4_000)
    began_s, size = time.monotonic(), 0
    while size < 4_000:
        size += len(client.recv(65_536))
    assert time.monotonic() - began_s >= 0.35


@pytest.mark.parametrize("way", ["up", "down"])
def test_black_hole_is_silent_for_ever(echo: Echo, proxy: Proxy, client: socket.socket, way: str) -> None:
    """What was swallowed does not come back with fine weather, nor does the connection; the server hears of its end."""
    say(client, b"first")
    proxy.set(Weather(swallow=frozenset({way})))  # type: ignore[arg-type]
    client.sendall(b"second")
    assert is_silent(client)
    assert (b"second" in echo.received) == (way == "down")
    assert echo.ends == 0
    proxy.set(FINE)
    wait_until_so(lambda: echo.ends == 1)
    client.sendall(b"third")
    assert is_silent(client)
    assert b"third" not in echo.received
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as fresh:
        assert say(fresh, b"fourth") == b"fourth"


def test_black_hole_swallows_the_end_of_a_connection(echo: Echo, proxy: Proxy, client: socket.socket) -> None:
    """A server does not hear that its client has gone until the weather is fine."""
    say(client, b"first")
    proxy.set(Weather(swallow=BOTH_WAYS))
    client.close()
    time.sleep(SOON_S)
    assert echo.ends == 0
    proxy.set(FINE)
    wait_until_so(lambda: echo.ends == 1)


def test_new_connections_fall_into_the_black_hole_as_well(proxy: Proxy) -> None:
    """They are accepted, and nothing comes of it."""
    proxy.set(Weather(swallow=BOTH_WAYS))
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(b"hello")
        assert is_silent(client)
    wait_until_so(lambda: proxy.swallowed_bytes["up"] == 5)


def test_weather_may_be_for_some_only(proxy: Proxy, client: socket.socket) -> None:
    """Connections are told apart by what their clients say first."""
    say(client, b"GET /api/devices")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as other:
        say(other, b"GET /api/socket")
        proxy.set(Weather(swallow=BOTH_WAYS, only=b"/api/socket"))
        assert say(client, b"hello") == b"hello"
        other.sendall(b"hello")
        assert is_silent(other)


def test_closed_port_takes_nobody_in(proxy: Proxy) -> None:
    """A new connection is broken before it is of use."""
    proxy.set(Weather(is_closed=True))
    with pytest.raises(ConnectionError):
        connect_and_listen(proxy.port)


def test_trap_stops_the_message_before_it_gets_through(echo: Echo, proxy: Proxy, client: socket.socket) -> None:
    """Others pass; the caught one gets through when the trap is opened."""
    trap = Trap(b"poison")
    proxy.set_trap(trap)
    say(client, b"harmless")
    client.sendall(b"poison")
    trap.wait(5)
    assert echo.received == b"harmless"
    proxy.open_trap()
    assert client.recv(100) == b"poison"
