"""One phone's keep-alive connection to an OsmAnd port: as light as it can be, since thousands are open at once."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httptools

__all__ = ["HungUp", "PhoneConnection"]


class HungUp(Exception):
    """The server closed the connection instead of answering."""


class PhoneConnection:
    """Sends requests one after the other over one connection, opened when needed and again after it broke.

    Args:
        base_url: `http://host:port`, or `https://…`; a path before the query is kept.
        timeout_s: for connecting and answering together.
    """

    def __init__(self, base_url: str, timeout_s: float = 30.0) -> None:
        parts = urlsplit(base_url)
        self._is_tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._is_tls else 80)
        self._path = parts.path or "/"
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, query: str) -> int:
        """Send a GET with an encoded query; the status.

        Raises:
            HungUp: no answer came before the connection closed.
            OSError: no connection, or none in time (`TimeoutError`).
        """
        return await self._request(f"GET {self._path}?{query} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())

    async def post_json(self, body: bytes) -> int:
        """Send a POST with a JSON body; otherwise as `get`."""
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return await self._request(head.encode() + body)

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _request(self, request: bytes) -> int:
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._host, self._port, ssl=self._is_tls or None)
                reader, writer = self._streams
                writer.write(request)
                answer = _Answer()
                while answer.status is None:
                    answer.feed(await reader.read(65536))
        except (ConnectionResetError, BrokenPipeError, httptools.HttpParserError) as error:
            self.close()
            raise HungUp from error
        except BaseException:
            self.close()
            raise
        if not answer.keeps_alive:
            self.close()
        return answer.status


class _Answer:
    """The status of one HTTP answer, None until it has come whole."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.keeps_alive = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        if not data:
            raise HungUp
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.keeps_alive = self._parser.should_keep_alive()
