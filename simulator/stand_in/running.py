"""One run of the stand-in, from listening to stopping: a thread with an event loop that serves both ports."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from itrack.errors import FixConfiguration
from simulator.stand_in.osmand_port import OsmAndConnection
from simulator.stand_in.traccar import Options, Traccar
from simulator.stand_in.web import Faults, make_app

__all__ = ["RunningServer", "listen"]

T = TypeVar("T")

_TICK_S = 0.1
_STATUS_LOOK_S = 5.0
_START_S = 20.0


class RunningServer:
    """Serves from its creation until `stop`.

    Args:
        file: of the database.
        options: configuration.
        faults: looked at anew for each request.
        web: listening socket of REST and websocket.
        osmand: listening socket of phones.

    Raises:
        FixConfiguration: it does not start; the reason is the cause.
    """

    def __init__(self, file: Path, options: Options, faults: Faults, web: socket.socket, osmand: socket.socket) -> None:
        self.traccar: Traccar
        self._file, self._options, self._faults = file, options, faults
        self._loop: asyncio.AbstractEventLoop
        self._server: uvicorn.Server
        self._osmand: asyncio.Server
        self._phones: set[OsmAndConnection] = set()
        self._failure: BaseException | None = None
        self._is_release_due = False
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(web, osmand, started), name="stand-in-traccar", daemon=True
        )
        self._thread.start()
        if not started.wait(_START_S) or self._failure is not None:
            raise FixConfiguration(
                f"The stand-in Traccar does not start ({self._failure}): is {file} readable, and its disk not full?"
            ) from self._failure

    def call(self, action: Callable[[], T]) -> T:
        """Run something in the server's thread and wait for it."""

        async def run() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=_START_S)

    def cut_sockets(self) -> None:
        """Break every websocket without a close frame."""
        self.call(self._cut_sockets)

    def stop(self) -> None:
        """Break every connection and end the thread."""
        self.call(self._go_down)
        self._thread.join(timeout=_START_S)

    def _run(self, web: socket.socket, osmand: socket.socket, started: threading.Event) -> None:
        try:
            asyncio.run(self._serve(web, osmand, started))
        except BaseException as error:  # noqa: BLE001 - a thread's failure is told by whoever started it
            self._failure = error
            started.set()

    async def _serve(self, web: socket.socket, osmand: socket.socket, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self.traccar = traccar = Traccar(self._file, self._options, self._release_soon)
        logging.getLogger("uvicorn.error").addFilter(_is_worth_saying)
        config = uvicorn.Config(
            make_app(traccar, self._faults),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _TellingServer(config, started)
        self._osmand = await self._loop.create_server(self._phone, sock=osmand)
        self._repeat(_TICK_S, traccar.release)
        self._repeat(_STATUS_LOOK_S, traccar.notice_silence)
        self._repeat(self._options.keepalive_s, traccar.feed.keep_alive)
        try:
            await self._server.serve(sockets=[web])
        finally:
            self._drop_phones()
            traccar.close()

    def _phone(self) -> OsmAndConnection:
        return OsmAndConnection(
            self.traccar.receive,
            self._phones,
            lambda: self.traccar.feed.wants_logs,
            lambda: self._faults.delay_s,
        )

    def _repeat(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something again and again; a failure is logged by the loop and does not end the repetition."""

        def once() -> None:
            self._repeat(seconds, action)
            action()

        self._loop.call_later(seconds, once)

    def _release_soon(self) -> None:
        """Release everything that arrived in one turn of the loop together, in the next turn."""

        def release() -> None:
            self._is_release_due = False
            self.traccar.release()

        if not self._is_release_due:
            self._is_release_due = True
            self._loop.call_soon(release)

    def _go_down(self) -> None:
        self._osmand.close()
        self._drop_phones()
        self._cut_sockets()
        self._server.should_exit = True

    def _drop_phones(self) -> None:
        for phone in list(self._phones):
            phone.abort()

    def _cut_sockets(self) -> None:
        for connection in list(self._server.server_state.connections):
            if "WebSocket" in type(connection).__name__:
                transport: Any = getattr(connection, "transport", None)
                transport.abort()


class _TellingServer(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told.set()


def listen(port: int, setting: str) -> socket.socket:
    """A socket on the loopback address; port 0 picks a free one.

    Args:
        port: its number.
        setting: names the port's setting, for the message.

    Raises:
        FixConfiguration: the port is taken.
    """
    # Named as TCP, without which asyncio leaves Nagle's algorithm on and each answer waits 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """A refused upgrade is not a defect here, though uvicorn complains that the handshake was never completed."""
    return "without completing handshake" not in record.getMessage()
