"""The OsmAnd port: plain HTTP/1.1 with keep-alive, and the right to hang up without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import httptools

from simulator.stand_in.osmand import BrokenRequest

__all__ = ["OsmAndConnection", "Receive"]

Receive = Callable[[str, str, bytes, object, str], int]
"""`Traccar.receive`: query, content type, body, connection, raw request -> status."""


class OsmAndConnection(asyncio.Protocol):
    """One phone's connection.

    Args:
        receive: takes each request.
        phones: the open connections; this one enters and leaves by itself.
        wants_raw: True when somebody reads logs.
        delay_s: how long each answer waits, asked for each answer.
    """

    def __init__(
        self,
        receive: Receive,
        phones: set[OsmAndConnection],
        wants_raw: Callable[[], bool],
        delay_s: Callable[[], float],
    ) -> None:
        self._receive = receive
        self._phones = phones
        self._wants_raw = wants_raw
        self._delay_s = delay_s
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = b""
        self._content_type = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        self._phones.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """End."""
        self._phones.discard(self)

    def abort(self) -> None:
        """Break the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse; what is not HTTP ends the connection."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._body, self._content_type = b"", b"", ""

    def on_url(self, url: bytes) -> None:
        """Part of the URL."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if name.lower() == b"content-type":
            self._content_type = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer the request, or hang up."""
        if self._transport.is_closing():
            return
        _, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode()
        raw = f"{method} {self._url.decode('latin-1')} HTTP/1.1\r\n" if self._wants_raw() else ""
        keeps_alive = self._parser.should_keep_alive()
        try:
            status = self._receive(query, self._content_type, self._body, self, raw)
        except BrokenRequest:
            self._after_delay(self._transport.close)
            return
        answer = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-length: 0\r\n\r\n".encode()
        self._after_delay(lambda: self._answer(answer, keeps_alive))

    def _after_delay(self, action: Callable[[], None]) -> None:
        delay_s = self._delay_s()
        if delay_s > 0:
            asyncio.get_running_loop().call_later(delay_s, action)
        else:
            action()

    def _answer(self, answer: bytes, keeps_alive: bool) -> None:
        self._transport.write(answer)
        if not keeps_alive:
            self._transport.close()
