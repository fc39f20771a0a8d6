"""The web port: Traccar's REST API and its websocket, with the answers a client of the real one gets.

Errors are text labelled as JSON, "no access" is 400, a date that cannot be read is 404, and a socket without sign-in is
answered with an empty 200.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect

from simulator.stand_in.osmand import BrokenRequest
from simulator.stand_in.records import Device, User, encode
from simulator.stand_in.times import ms_of_iso
from simulator.stand_in.traccar import AccessDenied, Traccar

__all__ = ["Faults", "Refusal", "make_app"]

T = TypeVar("T")

_JSON = "application/json"


class Faults(msgspec.Struct, kw_only=True):
    """Switchable misbehaviour; tests may set these at any time.

    Attributes:
        delay_s: each REST and OsmAnd answer waits so long.
        rest_status: answer every REST request with this status, as a proxy in front of a sick server does.
    """

    delay_s: float = 0.0
    rest_status: int | None = None


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def make_app(traccar: Traccar, faults: Faults) -> FastAPI:
    """The web application around a running stand-in."""
    app = FastAPI(openapi_url=None, title="Stand-in Traccar")
    _add_guards(app, faults)
    _add_session(app, traccar)
    _add_users(app, traccar)
    _add_devices(app, traccar)
    _add_positions(app, traccar)
    _add_socket(app, traccar)

    @app.get("/")
    async def home() -> Response:
        return Response("This is I-Track's stand-in Traccar: a test double without pages.\n", media_type="text/plain")

    @app.post("/")
    async def osmand_through_the_web_port(request: Request) -> Response:
        try:
            body, kind = await request.body(), request.headers.get("content-type", "")
            return Response(status_code=traccar.receive(request.url.query, kind, body, request, ""))
        except BrokenRequest:
            return Response("HTTP 502 Bad Gateway", 502, media_type="text/html")

    return app


def _add_guards(app: FastAPI, faults: Faults) -> None:
    @app.middleware("http")
    async def misbehave(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if faults.delay_s > 0:
            await asyncio.sleep(faults.delay_s)
        if faults.rest_status is not None:
            return Response("The server behind is not well.\n", faults.rest_status, media_type="text/html")
        return await call_next(request)

    @app.exception_handler(Refusal)
    async def refuse(_request: Request, refusal: Refusal) -> Response:
        return Response(_stack_trace(refusal.text), refusal.status, media_type=_JSON)

    @app.exception_handler(AccessDenied)
    async def deny(_request: Request, denial: AccessDenied) -> Response:
        return Response(_stack_trace(f"{denial} - SecurityException"), 400, media_type=_JSON)

    @app.exception_handler(sqlite3.IntegrityError)
    async def conflict(_request: Request, error: sqlite3.IntegrityError) -> Response:
        text = f"Unique index or primary key violation: {error} - JdbcSQLIntegrityConstraintViolationException"
        return Response(_stack_trace(text), 400, media_type=_JSON)


def _add_session(app: FastAPI, traccar: Traccar) -> None:
    access = traccar.access

    @app.get("/api/server")
    async def server() -> Response:
        return _answer({"id": 1, "attributes": {}, "registration": False, "readonly": False, "version": "6.14.5"})

    @app.post("/api/session")
    async def sign_in(request: Request) -> Response:
        form = await request.form()
        user = access.user_of_password(str(form.get("email", "")), str(form.get("password", "")))
        if user is None:
            raise Refusal(401, "HTTP 401 Unauthorized - WebApplicationException")
        if user.disabled:
            raise AccessDenied("Account is disabled")
        return _with_cookie(traccar, user)

    @app.get("/api/session")
    async def session(request: Request) -> Response:
        token = request.query_params.get("token")
        if token is not None:
            user = access.user_of_token(token)
            if user is None or user.disabled:
                raise AccessDenied("Invalid signature")
            return _with_cookie(traccar, user)
        user = access.user_of_cookie(request.cookies.get("JSESSIONID"))
        if user is None:
            raise Refusal(404, "HTTP 404 Not Found - WebApplicationException")
        return _answer(user)

    @app.delete("/api/session")
    async def sign_out(request: Request) -> Response:
        _signed_in(traccar, request)
        access.close_session(request.cookies.get("JSESSIONID"))
        return Response(status_code=204)

    @app.post("/api/session/token")
    async def token(request: Request) -> Response:
        user = _signed_in(traccar, request)
        expiration = (await request.form()).get("expiration")
        expires_at = None
        if expiration is not None:
            _date(str(expiration))
            expires_at = datetime.fromisoformat(str(expiration))
        return Response(access.token_for(user.id, expires_at), media_type=_JSON)


def _add_users(app: FastAPI, traccar: Traccar) -> None:
    access = traccar.access

    @app.get("/api/users")
    async def users(request: Request) -> Response:
        _administrator(traccar, request)
        return _answer(list(access.users.values()))

    @app.post("/api/users")
    async def add_user(request: Request) -> Response:
        if access.users:
            try:
                _administrator(traccar, request)
            except Refusal:
                raise AccessDenied("Registration disabled") from None
        user = await _body(request, User)
        if not access.users:
            user.administrator, user.device_limit = True, -1
        return _answer(access.add_user(user, user.password or ""))

    @app.put("/api/users/{user_id}")
    async def change_user(request: Request, user_id: str) -> Response:
        _administrator(traccar, request)
        user = await _body(request, User)
        user.id = _number(user_id)
        if user.id not in access.users:
            raise AccessDenied("User access denied")
        access.change_user(user)
        return _answer(user)

    @app.delete("/api/users/{user_id}")
    async def remove_user(request: Request, user_id: str) -> Response:
        _administrator(traccar, request)
        access.remove_user(_number(user_id))
        return Response(status_code=204)

    @app.post("/api/permissions")
    async def link(request: Request) -> Response:
        _administrator(traccar, request)
        pair = await _body(request, dict[str, int])
        if pair.get("userId") not in access.users or pair.get("deviceId") not in traccar.devices:
            raise Refusal(400, "Referential integrity constraint violation - StorageException")
        access.link(pair["userId"], pair["deviceId"])
        return Response(status_code=204)

    @app.delete("/api/permissions")
    async def unlink(request: Request) -> Response:
        _administrator(traccar, request)
        pair = await _body(request, dict[str, int])
        if pair.get("userId") in access.users:
            access.unlink(pair["userId"], pair.get("deviceId", 0))
        return Response(status_code=204)


def _add_devices(app: FastAPI, traccar: Traccar) -> None:
    @app.get("/api/devices")
    async def devices(request: Request) -> Response:
        user = _signed_in(traccar, request)
        names, ids = request.query_params.getlist("uniqueId"), request.query_params.getlist("id")
        if names or ids:
            wanted = {_number(text) for text in ids}
            return _answer([row for row in traccar.devices_of(user) if row.unique_id in names or row.id in wanted])
        if request.query_params.get("all", "").lower() == "true" and user.administrator:
            return _answer(list(traccar.devices.values()))
        return _answer(traccar.devices_of(user))

    @app.post("/api/devices")
    async def add_device(request: Request) -> Response:
        user = _signed_in(traccar, request)
        return _answer(traccar.add_device(await _body(request, Device), user))

    @app.get("/api/devices/{device_id}")
    async def device(request: Request, device_id: str) -> Response:
        return _answer(traccar.devices[_device_id(traccar, request, device_id)])

    @app.put("/api/devices/{device_id}")
    async def change_device(request: Request, device_id: str) -> Response:
        number = _device_id(traccar, request, device_id)
        device = await _body(request, Device)
        device.id = number
        return _answer(traccar.change_device(device))

    @app.delete("/api/devices/{device_id}")
    async def remove_device(request: Request, device_id: str) -> Response:
        user = _signed_in(traccar, request)
        number = _number(device_id)
        if not traccar.access.may_see(user, number):
            raise AccessDenied("Device access denied")
        traccar.remove_device(number)
        return Response(status_code=204)


def _add_positions(app: FastAPI, traccar: Traccar) -> None:
    @app.get("/api/positions")
    async def positions(request: Request) -> Response:
        user = _signed_in(traccar, request)
        parameters = request.query_params
        ids = [_number(text) for text in parameters.getlist("id")]
        device_id = _number(parameters.get("deviceId", "0"))
        from_ms, to_ms = _date(parameters.get("from")), _date(parameters.get("to"))
        if ids:
            return _joined([_position(traccar, user, number) for number in ids])
        if device_id <= 0:
            return _answer(traccar.latest_of(user))
        if not traccar.access.may_see(user, device_id) or device_id not in traccar.devices:
            raise AccessDenied("Device access denied")
        if from_ms is None or to_ms is None:
            latest = traccar.latest_of_device(device_id)
            return _answer([] if latest is None else [latest])
        if user.disable_reports:
            raise AccessDenied("Operation restricted")
        limit = traccar.options.max_positions or -1
        return _joined(traccar.store.positions_between(device_id, from_ms, to_ms, limit))

    @app.delete("/api/positions")
    async def remove_positions(request: Request) -> Response:
        number = _device_id(traccar, request, request.query_params.get("deviceId", "0"))
        from_ms, to_ms = _date(request.query_params.get("from")), _date(request.query_params.get("to"))
        if from_ms is None or to_ms is None:
            raise Refusal(400, "NullPointerException")
        traccar.store.remove_positions(number, from_ms, to_ms)
        return Response(status_code=204)


def _add_socket(app: FastAPI, traccar: Traccar) -> None:
    @app.websocket("/api/socket")
    async def socket(websocket: WebSocket) -> None:
        token = websocket.query_params.get("token")
        user = traccar.access.user_of_cookie(websocket.cookies.get("JSESSIONID"))
        if token is not None:
            user = traccar.access.user_of_token(token)
        if (token is not None and user is None) or (user is not None and user.disabled):
            page = "<html><body><h2>HTTP ERROR 500 java.lang.SecurityException</h2></body></html>"
            await websocket.send_denial_response(Response(page, 500, media_type="text/html"))
            return
        if user is None:
            await websocket.send_denial_response(Response(status_code=200))
            return
        await websocket.accept()
        listener = traccar.open_socket(user)
        reader = asyncio.create_task(_read_client(websocket, listener))
        try:
            while (frame := await listener.frames.get()) is not None:
                await websocket.send_text(frame)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            traccar.feed.close(listener)
            reader.cancel()


async def _read_client(websocket: WebSocket, listener: Any) -> None:
    try:
        while True:
            message = await websocket.receive_text()
            try:
                listener.wants_logs = bool(msgspec.json.decode(message, type=dict[str, Any]).get("logs"))
            except msgspec.DecodeError:
                continue
    except (WebSocketDisconnect, RuntimeError):
        listener.frames.put_nowait(None)


def _signed_in(traccar: Traccar, request: Request) -> User:
    header = request.headers.get("authorization")
    if header is not None:
        user = traccar.access.user_of_authorization(header)
    else:
        user = traccar.access.user_of_cookie(request.cookies.get("JSESSIONID"))
    if user is None or user.disabled:
        raise Refusal(401, "HTTP 401 Unauthorized - WebApplicationException")
    return user


def _administrator(traccar: Traccar, request: Request) -> User:
    user = _signed_in(traccar, request)
    if not user.administrator:
        raise AccessDenied("Administrator access required")
    return user


def _device_id(traccar: Traccar, request: Request, text: str) -> int:
    user = _signed_in(traccar, request)
    number = _number(text)
    if number not in traccar.devices or not traccar.access.may_see(user, number):
        raise AccessDenied("Device access denied")
    return number


def _position(traccar: Traccar, user: User, position_id: int) -> str:
    body = traccar.store.position(position_id)
    if body is None:
        raise Refusal(400, 'Cannot invoke "Position.getDeviceId()" because "position" is null - NullPointerException')
    if not traccar.access.may_see(user, msgspec.json.decode(body)["deviceId"]):
        raise AccessDenied("Device access denied")
    return body


async def _body(request: Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Refusal(400, f"{error} - MismatchedInputException") from None


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refusal(404, "HTTP 404 Not Found - NotFoundException") from None


def _date(text: str | None) -> int | None:
    try:
        return None if text is None else ms_of_iso(text)
    except ValueError:
        raise Refusal(404, "HTTP 404 Not Found - NotFoundException") from None


def _with_cookie(traccar: Traccar, user: User) -> Response:
    response = _answer(user)
    response.set_cookie("JSESSIONID", traccar.access.open_session(user.id), path="/", samesite=None)
    return response


def _answer(value: object) -> Response:
    return Response(encode(value), media_type=_JSON)


def _joined(bodies: list[str]) -> Response:
    return Response(f"[{','.join(bodies)}]", media_type=_JSON)


def _stack_trace(text: str) -> str:
    return f"{text} (SecurityRequestFilter:135 < ServerRuntime:256 < Errors:292 < ... < WebServer:98)\n"
