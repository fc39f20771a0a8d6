"""`itrack map`: serves the live map, its data, its metrics and its health on one port."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from types import FrameType
from typing import Annotated

import msgspec
import structlog
import uvicorn
from fastapi import FastAPI, HTTPException, Path, Query, Request, Response, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import AwareDatetime
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from itrack.errors import TryAgain
from itrack.log import configure_logging
from itrack.mongo import open_database
from itrack.settings import Settings, load_settings
from live_map.access import is_loopback, listen, refuse_remote, trusted_hosts
from live_map.headers import SecurityHeaders, content_security_policy
from live_map.health import Health
from live_map.live_socket import serve_page
from live_map.page import STATIC, render_page
from live_map.service import Service
from live_map.state import read_state
from live_map.track import read_track

__all__ = ["create_app", "run"]

_LONGEST_TRACK = timedelta(days=7)
_MONGODB_WITHIN_S = 5.0

_log = structlog.get_logger()


def run(settings: Settings | None = None) -> None:
    """Serve until SIGTERM.

    Raises:
        FixConfiguration: the map would be open to others, its port is taken, or a setting does not fit.
    """
    settings = settings or load_settings()
    configure_logging("map", settings.log_level)
    refuse_remote(settings)
    crashes: list[BaseException] = []

    def stop_by(error: BaseException) -> None:
        crashes.append(error)
        server.should_exit = True

    app = create_app(settings, crashed=stop_by)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws_max_size=1024,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=3,
        )
    )
    with listen(settings) as bound:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _note_signal)  # uvicorn takes signals itself and passes them on when it has ended
        _log.info("part_started", map=settings.map_address, metrics=f"{settings.map_address}/metrics")
        server.run(sockets=[bound])
    _log.info("part_stopped")
    if crashes:
        raise crashes[0]


def create_app(settings: Settings, *, crashed: Callable[[BaseException], None] | None = None) -> FastAPI:
    """The web application; it reads Kafka and MongoDB while its lifespan lasts.

    Args:
        settings: of the map, MongoDB and Kafka.
        crashed: called when the background work ended by a defect; the program should end and be started again.

    Raises:
        FixConfiguration: the address of the tiles does not fit.
    """
    content_security_policy("", settings.map_tiles_url)
    health = Health("feed", "database")
    database = open_database(settings, part="map", timeout_s=_MONGODB_WITHIN_S)
    service = Service(settings, database, health, crashed or _only_log)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield
        await asyncio.to_thread(database.client.close)

    app = FastAPI(title="I-Track live map", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=20_000, compresslevel=1)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=trusted_hosts(settings), www_redirect=False)
    app.add_middleware(SecurityHeaders)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", response_class=HTMLResponse)
    def page() -> HTMLResponse:
        """The map."""
        nonce = secrets.token_urlsafe(16)
        policy = content_security_policy(nonce, settings.map_tiles_url)
        return HTMLResponse(render_page(settings, nonce), headers={"Content-Security-Policy": policy})

    @app.get("/api/state")
    def state() -> Response:
        """Everything a page needs to begin (`live_map.frames.State`)."""
        with _answering():
            return _json(read_state(database))

    @app.get("/api/track/{device_id}")
    def track(
        device_id: Annotated[str, Path(max_length=200)],
        from_at: Annotated[AwareDatetime, Query(alias="from", description="First moment, with its time zone.")],
        to_at: Annotated[AwareDatetime, Query(alias="to", description="Last moment, at most seven days later.")],
    ) -> Response:
        """What one device did between two moments (`live_map.frames.Track`)."""
        if not timedelta(0) <= to_at - from_at <= _LONGEST_TRACK:
            raise HTTPException(422, "`to` must be at most seven days after `from`.")
        with _answering():
            return _json(read_track(database, device_id, from_at, to_at))

    @app.websocket("/ws")
    async def live(websocket: WebSocket) -> None:
        await serve_page(websocket, service.hub, health)

    @app.get("/healthz", include_in_schema=False)
    def healthz(request: Request) -> Response:
        _only_from_here(request)
        answer = health.answer()
        return JSONResponse(answer, status_code=200 if answer["healthy"] else 503)

    @app.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        _only_from_here(request)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except TryAgain as error:
        _log.warning("database_away", reason=str(error))
        raise HTTPException(503, "The database does not answer; try again soon.", {"Retry-After": "5"}) from error


def _json(record: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json")


def _only_from_here(request: Request) -> None:
    if request.client is None or not is_loopback(request.client.host):
        raise HTTPException(404)


def _note_signal(number: int, _frame: FrameType | None) -> None:
    _log.info("stop_asked", signal=signal.Signals(number).name)


def _only_log(error: BaseException) -> None:
    _log.error("background_work_ended", error=str(error))
