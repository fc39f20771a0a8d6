"""A network that can be made bad: a proxy between two programs, whose connections all pass through it."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.support.trap import Trap
from tests.support.weather import BOTH_WAYS, FINE, Way, Weather

__all__ = ["Network", "Proxy"]

T = TypeVar("T")
_CHUNK = 65_536
_SLICES_PER_S = 20
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of nought: closing sends RST instead of FIN."""


@dataclass(eq=False)
class _Link:
    """One connection through a proxy: both its sockets, and the ways that are swallowed for good."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    first: bytes = b""
    luck: float = field(default_factory=random.random)
    lost: frozenset[Way] = frozenset()

    def writers(self) -> list[asyncio.StreamWriter]:
        return [self.client, *([self.server] if self.server else [])]


class Network:
    """A thread in which proxies run. A context manager; leaving it closes all of them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._proxies: list[Proxy] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self._proxies:
            proxy.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def proxy(self, port: int) -> Proxy:
        """A new proxy before a port of the loopback address."""
        proxy = Proxy(port, self.call)
        self._proxies.append(proxy)
        return proxy

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run something in the network's thread and wait for it."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(timeout=10)


class Proxy:
    """Listens on a port of its own and hands everything on, as far as the weather lets it.

    A connection whose data was swallowed stays so when the weather is fine again, as behind a firewall that has
    forgotten it: what is lost on the way does not come back, and new connections are well. Its server hears of its
    end then.

    Attributes:
        port: where clients connect.
        target: the server's port.
        passed_bytes: handed on, each way.
        swallowed_bytes: each way.
        accepted: connections of clients so far.
    """

    def __init__(self, target: int, call: Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]) -> None:
        self.target = target
        self.passed_bytes: dict[Way, int] = {"up": 0, "down": 0}
        self.swallowed_bytes: dict[Way, int] = {"up": 0, "down": 0}
        self.accepted = 0
        self._call = call
        self._weather = FINE
        self._trap: Trap | None = None
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server = call(self._listen)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def set(self, weather: Weather) -> None:
        """What connections meet from now on, those that are open included."""

        async def change() -> None:
            self._weather = weather
            for link in list(self._links):
                link.luck = random.random()  # noqa: S311
                if weather.swallow:
                    self._mark_lost(link)
                elif link.lost and link.server is not None:
                    link.lost = BOTH_WAYS
                    link.server.transport.abort()

        self._call(change)

    def cut(self) -> None:
        """Close every open connection in the ordinary way."""

        async def close() -> None:
            for link in list(self._links):
                for writer in link.writers():
                    writer.close()

        self._call(close)

    def reset(self) -> None:
        """Reset every open connection (RST): what was under way is gone."""

        async def abort() -> None:
            for link in list(self._links):
                _reset(link)

        self._call(abort)

    def set_trap(self, trap: Trap) -> None:
        """Stop the next connection whose client sends the trap's pattern."""

        async def put() -> None:
            self._trap = trap

        self._call(put)

    def open_trap(self) -> None:
        """Let go what is caught, and everything after it."""

        async def release() -> None:
            if self._trap is not None:
                self._trap.open()
                self._trap = None

        self._call(release)

    def close(self) -> None:
        """Listen no more and reset what is open."""

        async def end() -> None:
            self._server.close()
            for link in list(self._links):
                _reset(link)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._call(end)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        link = _Link(writer)
        self._links.add(link)
        try:
            await self._carry(link, reader)
        except* OSError:
            pass  # one of the two is gone: so is the other
        finally:
            self._links.discard(link)
            self._tasks.discard(task)
            _reset(link)

    async def _carry(self, link: _Link, reader: asyncio.StreamReader) -> None:
        if self._weather.is_closed:
            return
        answers, link.server = await asyncio.open_connection("127.0.0.1", self.target)
        self._mark_lost(link)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pump(link, "up", reader, link.server))
            both.create_task(self._pump(link, "down", answers, link.client))

    async def _pump(self, link: _Link, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await _read(link, way, reader):
            if way == "up" and not link.first:
                link.first = data
                self._mark_lost(link)
            if way == "up" and self._trap is not None:
                await self._trap.pass_by(data)
            if self._is_met(link):
                await asyncio.sleep(self._weather.delay_s + random.random() * self._weather.jitter_s)  # noqa: S311
            await self._hand_on(link, way, data, writer)
        if way in link.lost:
            with suppress(OSError):
                await writer.wait_closed()  # until the weather is fine, or the other end is gone as well
            _reset(link)
        elif not writer.is_closing():
            writer.write_eof()

    async def _hand_on(self, link: _Link, way: Way, data: bytes, writer: asyncio.StreamWriter) -> None:
        while data:
            if way in link.lost:
                self.swallowed_bytes[way] += len(data)
                return
            limit = self._weather.bytes_per_s if self._is_met(link) else None
            size = max(1, limit // _SLICES_PER_S) if limit is not None else len(data)
            if limit is not None:
                await asyncio.sleep(1 / _SLICES_PER_S)
            writer.write(data[:size])
            await writer.drain()
            self.passed_bytes[way] += len(data[:size])
            data = data[size:]

    def _is_met(self, link: _Link) -> bool:
        return link.luck < self._weather.share and self._weather.only in link.first

    def _mark_lost(self, link: _Link) -> None:
        if self._is_met(link):
            link.lost |= self._weather.swallow


async def _read(link: _Link, way: Way, reader: asyncio.StreamReader) -> bytes:
    """The next piece of data; empty at the end, however it ended where nobody is to hear of it."""
    try:
        return await reader.read(_CHUNK)
    except ConnectionError:
        if way in link.lost:
            return b""
        raise


def _reset(link: _Link) -> None:
    for writer in link.writers():
        connection = writer.get_extra_info("socket")
        if connection is not None and connection.fileno() != -1:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
