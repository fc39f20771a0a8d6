"""The websocket.

| attempt | answer |
| --- | --- |
| cookie, or `?token=` | 101 |
| no sign-in, an `Authorization` header only, a cookie of another page's sign-in | 200, empty, no upgrade |
| a bad token, a disabled user | 500 |
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Response, WebSocket, WebSocketDisconnect

from simulator.stand_in.api.asking import COOKIE, traccar_of
from simulator.stand_in.feed import Listener

__all__ = ["router"]

router = APIRouter()

_ERROR_PAGE = "<html><body><h2>HTTP ERROR 500 java.lang.SecurityException</h2></body></html>"


@router.websocket("/socket")
async def socket(websocket: WebSocket) -> None:
    """Stream devices and positions to one client."""
    traccar, token = traccar_of(websocket), websocket.query_params.get("token")
    if token is not None:
        user = traccar.access.user_of_token(token)
    else:
        origin = websocket.headers.get("origin")
        user = traccar.access.user_of_socket(websocket.cookies.get(COOKIE), origin)
    if user is None and token is None:
        await websocket.send_denial_response(Response(status_code=200))
        return
    if user is None or user.disabled:
        await websocket.send_denial_response(Response(_ERROR_PAGE, 500, media_type="text/html"))
        return
    await websocket.accept()
    listener = traccar.open_socket(user)
    reader = asyncio.create_task(_read_client(websocket, listener))
    try:
        while (frame := await listener.frames.get()) is not None:
            await websocket.send_text(frame)
    except (WebSocketDisconnect, RuntimeError):
        pass  # the client is gone; nobody is left to tell
    finally:
        traccar.feed.close(listener)
        reader.cancel()


async def _read_client(websocket: WebSocket, listener: Listener) -> None:
    """`{"logs": true}` is the only message understood; the end of the connection ends the listener."""
    try:
        while True:
            message = await websocket.receive_text()
            try:
                listener.wants_logs = bool(msgspec.json.decode(message, type=dict[str, Any]).get("logs"))
            except msgspec.DecodeError:
                continue
    except (WebSocketDisconnect, RuntimeError):
        listener.frames.put_nowait(None)
