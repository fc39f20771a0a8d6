"""The web port: Traccar's REST API and websocket, with its refusals: text labelled as JSON, 400 for no access."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable

import msgspec
from fastapi import FastAPI, Request, Response

from simulator.stand_in.api import devices, positions, session, socket, users
from simulator.stand_in.api.asking import JSON, Refusal
from simulator.stand_in.osmand import BrokenRequest
from simulator.stand_in.traccar import AccessDenied, Traccar

__all__ = ["Faults", "make_app"]


class Faults(msgspec.Struct, kw_only=True):
    """Switchable misbehaviour; tests may set these at any time.

    Attributes:
        delay_s: each REST and OsmAnd answer waits so long.
        rest_status: answer every REST request with this status, as a proxy in front of a sick server does.
    """

    delay_s: float = 0.0
    rest_status: int | None = None


def make_app(traccar: Traccar, faults: Faults) -> FastAPI:
    """The web application around a running stand-in."""
    app = FastAPI(openapi_url=None, title="Stand-in Traccar")
    app.state.traccar = traccar
    _misbehave_on_request(app, faults)
    _word_refusals(app)
    for part in (session, users, devices, positions, socket):
        app.include_router(part.router, prefix="/api")

    @app.get("/")
    async def home() -> Response:
        return Response("This is I-Track's stand-in Traccar: a test double without pages.\n", media_type="text/plain")

    @app.post("/")
    async def osmand_through_the_web_port(request: Request) -> Response:
        body, kind = await request.body(), request.headers.get("content-type", "")
        try:
            return Response(status_code=traccar.receive(request.url.query, kind, body, request))
        except BrokenRequest:
            return Response("HTTP 502 Bad Gateway", 502, media_type="text/html")

    return app


def _misbehave_on_request(app: FastAPI, faults: Faults) -> None:
    @app.middleware("http")
    async def misbehave(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if faults.delay_s > 0:
            await asyncio.sleep(faults.delay_s)
        if faults.rest_status is not None:
            return Response("The server behind is not well.\n", faults.rest_status, media_type="text/html")
        return await call_next(request)


def _word_refusals(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refuse(_request: Request, refusal: Refusal) -> Response:
        return _stack_trace(refusal.status, refusal.text)

    @app.exception_handler(AccessDenied)
    async def deny(_request: Request, denial: AccessDenied) -> Response:
        return _stack_trace(400, f"{denial} - SecurityException")

    @app.exception_handler(sqlite3.IntegrityError)
    async def conflict(_request: Request, error: sqlite3.IntegrityError) -> Response:
        return _stack_trace(400, f"Unique index or primary key violation: {error} - JdbcSQLIntegrityConstraint…")


def _stack_trace(status: int, text: str) -> Response:
    trace = f"{text} (SecurityRequestFilter:135 < ServerRuntime:256 < Errors:292 < ... < WebServer:98)\n"
    return Response(trace, status, media_type=JSON)
