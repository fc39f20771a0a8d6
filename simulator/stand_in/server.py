"""Runs the stand-in Traccar in a thread, on real ports, with a hand on every way a server can misbehave."""

from __future__ import annotations

import asyncio
import logging
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from itrack.errors import FixConfiguration
from simulator.stand_in.osmand_port import OsmAndConnection
from simulator.stand_in.records import Device, Position, User
from simulator.stand_in.store import read_positions
from simulator.stand_in.traccar import Options, Traccar
from simulator.stand_in.web import Faults, make_app

__all__ = ["StandIn", "stand_in_traccar"]

T = TypeVar("T")

_TICK_S = 0.1


class StandIn:
    """A stand-in Traccar on two ports of the loopback address.

    Args:
        folder: where its database file lives; it survives restarts.
        options: its configuration.
        web_port: 0 picks a free one, which is kept over restarts.
        osmand_port: likewise.
        email: of the administrator that is made when there is no user yet; None makes none.
        password: of that administrator.

    Attributes:
        faults: change these at any time to make REST and OsmAnd misbehave.
    """

    def __init__(
        self,
        folder: Path,
        options: Options | None = None,
        *,
        web_port: int = 0,
        osmand_port: int = 0,
        email: str | None = "admin@example.org",
        password: str = "admin",  # noqa: S107 - of a test double
    ) -> None:
        self.options = options or Options()
        self.email, self.password = email, password
        self.faults = Faults()
        self.web_port, self.osmand_port = web_port, osmand_port
        self._folder = folder
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._running: _Running | None = None

    @property
    def web_url(self) -> str:
        """Base address of the REST API and the websocket."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def osmand_url(self) -> str:
        """Where phones report."""
        return f"http://127.0.0.1:{self.osmand_port}"

    @property
    def token(self) -> str:
        """A new token of the first administrator, good for a year; one from before a restart works as well."""
        return self._call(self._make_token)

    @property
    def open_sockets(self) -> int:
        """How many websockets are open."""
        return self._call(lambda: len(self._traccar.feed))

    @property
    def received(self) -> int:
        """OsmAnd requests answered with 200 since the start."""
        return self._call(lambda: self._traccar.received)

    def start(self) -> None:
        """Listen.

        Raises:
            FixConfiguration: a port is taken.
        """
        web, osmand = _listen(self.web_port, "traccar_port"), _listen(self.osmand_port, "osmand_port")
        self.web_port, self.osmand_port = web.getsockname()[1], osmand.getsockname()[1]
        self._folder.mkdir(parents=True, exist_ok=True)
        self._started.clear()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(web, osmand)), name="stand-in-traccar", daemon=True
        )
        self._thread.start()
        if not self._started.wait(timeout=20):
            raise FixConfiguration("The stand-in Traccar did not start within 20 s: see its log.")

    def stop(self) -> None:
        """Drop every connection, every cookie and every position that still waits; keep what is stored."""
        if self._thread is None:
            return
        self._call(self._go_down)
        self._thread.join(timeout=10)
        self._thread = None
        self._running = None

    def restart(self) -> None:
        """Stop, then start on the same ports with the same database."""
        self.stop()
        self.start()

    def cut_sockets(self) -> None:
        """Drop every websocket without a close frame, as a network that breaks does."""
        self._call(self._cut_sockets)

    def go_silent(self, silent: bool = True) -> None:
        """Send no frame at all, keepalives included, on sockets that stay open."""

        def switch() -> None:
            self._traccar.feed.is_silent = silent

        self._call(switch)

    def keep_alive_now(self) -> None:
        """Send the keepalive frame to all sockets, ahead of its timer."""
        self._call(self._traccar.feed.keep_alive)

    def add_device(self, unique_id: str, name: str | None = None) -> int:
        """Create a device that the administrator may see; its id."""
        device = Device(unique_id=unique_id, name=name or unique_id)
        return self._call(lambda: self._traccar.add_device(device, self._administrator()).id)

    def disable_device(self, unique_id: str, disabled: bool = True) -> None:
        """Refuse a device's reports, or take them again."""

        def switch() -> None:
            for device in self._traccar.devices.values():
                if device.unique_id == unique_id:
                    device.disabled = disabled
                    self._traccar.store.save_device(device)

        self._call(switch)

    def disable_user(self, email: str, disabled: bool = True) -> None:
        """Refuse a user's next request; sockets that are open go on."""

        def switch() -> None:
            for user in self._traccar.access.users.values():
                if user.email == email:
                    user.disabled = disabled
                    self._traccar.access.change_user(user)

        self._call(switch)

    def burn_position_ids(self, count: int) -> None:
        """Leave a hole in the position ids, as rolled-back inserts and other users' devices do."""
        self._call(lambda: [self._traccar.store.burn_id("positions") for _ in range(count)])

    def stored_positions(self) -> list[Position]:
        """Everything stored, in the order of storage; also while the server is stopped."""
        return read_positions(self._folder / "traccar.sqlite")

    @property
    def _traccar(self) -> Traccar:
        assert self._running is not None, "the stand-in is stopped"  # noqa: S101 - a caller's mistake
        return self._running.traccar

    def _administrator(self) -> User:
        return next(user for user in self._traccar.access.users.values() if user.administrator)

    def _make_token(self) -> str:
        return self._traccar.access.token_for(self._administrator().id, datetime.now(UTC) + timedelta(days=365))

    def _call(self, action: Callable[[], T]) -> T:
        """Run something in the server's thread."""
        assert self._running is not None, "the stand-in is stopped"  # noqa: S101 - a caller's mistake

        async def run() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._running.loop).result(timeout=20)

    async def _serve(self, web: socket.socket, osmand: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        release = _ReleaseSoon(loop)
        traccar = Traccar(self._folder / "traccar.sqlite", self.options, release.schedule)
        release.traccar = traccar
        if not traccar.access.users and self.email is not None:
            user = User(name="Administrator", email=self.email, administrator=True, device_limit=-1)
            traccar.access.add_user(user, self.password)
        logging.getLogger("uvicorn.error").addFilter(_is_worth_saying)
        config = uvicorn.Config(
            make_app(traccar, self.faults),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        phones: set[OsmAndConnection] = set()
        server = _Server(config, self._started)
        self._running = _Running(loop, traccar, server, phones)
        listening = await loop.create_server(
            lambda: OsmAndConnection(
                traccar.receive, phones, lambda: traccar.feed.wants_logs, lambda: self.faults.delay_s
            ),
            sock=osmand,
        )
        timers = [
            asyncio.create_task(_every(self.options.keepalive_s, traccar.feed.keep_alive)),
            asyncio.create_task(_every(_TICK_S, traccar.release)),
        ]
        try:
            await server.serve(sockets=[web])
        finally:
            for timer in timers:
                timer.cancel()
            listening.close()
            traccar.close()

    def _go_down(self) -> None:
        assert self._running is not None  # noqa: S101 - only called while running
        self._cut_sockets()
        for phone in list(self._running.phones):
            phone.abort()
        self._running.server.should_exit = True

    def _cut_sockets(self) -> None:
        assert self._running is not None  # noqa: S101 - only called while running
        for connection in list(self._running.server.server_state.connections):
            if "WebSocket" in type(connection).__name__:
                transport: Any = getattr(connection, "transport", None)
                transport.abort()


class _Running:
    """What belongs to one start."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        traccar: Traccar,
        server: uvicorn.Server,
        phones: set[OsmAndConnection],
    ) -> None:
        self.loop = loop
        self.traccar = traccar
        self.server = server
        self.phones = phones


class _ReleaseSoon:
    """Releases everything that arrived in one turn of the loop together, in the next turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.traccar: Traccar | None = None
        self._loop = loop
        self._is_scheduled = False

    def schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._release)

    def _release(self) -> None:
        self._is_scheduled = False
        if self.traccar is not None:
            self.traccar.release()


@contextmanager
def stand_in_traccar(
    folder: Path | None = None,
    *,
    buffering_s: float = 0.0,
    register_unknown: bool = False,
    max_positions: int | None = None,
    keepalive_s: float = 55.0,
    seed: int = 0,
    web_port: int = 0,
    osmand_port: int = 0,
    email: str | None = "admin@example.org",
    password: str = "admin",  # noqa: S107 - of a test double
) -> Iterator[StandIn]:
    """Run a stand-in Traccar for the length of a `with` block; without `folder` it leaves nothing behind.

    The arguments are those of `Options` and `StandIn`.
    """
    options = Options(
        buffering_s=buffering_s,
        register_unknown=register_unknown,
        max_positions=max_positions,
        keepalive_s=keepalive_s,
        seed=seed,
    )
    with tempfile.TemporaryDirectory(prefix="itrack-traccar-") as own_folder:
        stand_in = StandIn(
            folder or Path(own_folder),
            options,
            web_port=web_port,
            osmand_port=osmand_port,
            email=email,
            password=password,
        )
        stand_in.start()
        try:
            yield stand_in
        finally:
            stand_in.stop()


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """A refused upgrade is not a defect here, though uvicorn complains that the handshake was never completed."""
    return "without completing handshake" not in record.getMessage()


def _listen(port: int, setting: str) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise FixConfiguration(
            f"The stand-in Traccar cannot listen on port {port} ({error.strerror}): is another one running? "
            f"Otherwise set ITRACK_{setting.upper()} or ITRACK_PORT_OFFSET."
        ) from error
    return listening


async def _every(seconds: float, action: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        action()


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._started_event = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started_event.set()
