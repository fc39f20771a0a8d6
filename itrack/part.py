"""What every running part has: a name, a stop signal, a health sentence, and `/metrics` and `/healthz` over HTTP."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from socketserver import ThreadingMixIn
from types import FrameType
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import REGISTRY, make_wsgi_app

from itrack.errors import FixConfiguration
from itrack.log import configure_logging
from itrack.settings import Settings

__all__ = ["Part"]


class Part:
    """A running part of I-Track.

    Use it as a context manager around the part's loop; the loop ends when `stopping` is set, which SIGTERM and
    SIGINT do. Health is what the loop last said by `healthy()` or `unhealthy()`; a part that has not spoken yet
    is starting, which counts as unhealthy.

    Args:
        name: `bridge`, `producer`, …; also the name in logs.
        settings: for the log level.
        port: where `/metrics` and `/healthz` are served, on the loopback address.

    Raises:
        FixConfiguration: the port is taken.
    """

    def __init__(self, name: str, settings: Settings, port: int) -> None:
        self.name = name
        self.stopping = threading.Event()
        self.log = structlog.get_logger()
        self._port = port
        self._log_level = settings.log_level
        self._started_at = datetime.now(UTC)
        self._health: tuple[bool, str] = (False, "starting")
        self._server: WSGIServer | None = None

    def healthy(self, detail: str = "working") -> None:
        """Say that the part does its work."""
        self._health = (True, detail)

    def unhealthy(self, detail: str) -> None:
        """Say in a sentence what keeps the part from its work."""
        self._health = (False, detail)

    def __enter__(self) -> Self:
        configure_logging(self.name, self._log_level)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            self._server = make_server(
                "127.0.0.1", self._port, self._answer, server_class=_ThreadingServer, handler_class=_QuietHandler
            )
        except (OSError, OverflowError) as error:
            raise FixConfiguration(
                f"The {self.name}'s metrics port {self._port} cannot be used ({error}): is another one "
                f"running? Otherwise set ITRACK_{self.name.upper()}_METRICS_PORT."
            ) from error
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        self.log.info("part_started", metrics=f"http://127.0.0.1:{self._port}/metrics")
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self.log.info("part_stopped")

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Only set the event: the signal may have interrupted a log line, whose lock it would wait for in vain."""
        self.stopping.set()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/healthz":
            body: Iterable[bytes] = make_wsgi_app(REGISTRY)(environ, start_response)
            return body
        is_healthy, detail = self._health
        answer = {
            "part": self.name,
            "healthy": is_healthy,
            "detail": detail,
            "started_at": self._started_at.isoformat(),
        }
        status = "200 OK" if is_healthy else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    """A thread a client, so that one that says nothing keeps nobody else waiting."""

    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    """A scrape every few seconds is not worth a log line; a client that says nothing is hung up on."""

    timeout = 5

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write nothing."""
