"""One page's websocket, from its opening to its end."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from live_map.access import is_our_origin
from live_map.frames import Hello
from live_map.health import Health
from live_map.hub import Client, Hub
from live_map.metrics import REFUSED_CLIENTS

__all__ = ["serve_page"]

_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013
_FAREWELL_S = 2.0


async def serve_page(websocket: WebSocket, hub: Hub, health: Health) -> None:
    """Send news until the page leaves, is too slow, or the server stops. Foreign pages are refused with status 403."""
    if not is_our_origin(websocket.headers.get("origin"), websocket.headers.get("host")):
        REFUSED_CLIENTS.labels("foreign_origin").inc()
        await websocket.close(_POLICY_VIOLATION)
        return
    if hub.is_full:
        REFUSED_CLIENTS.labels("too_many").inc()
        await websocket.close(_TRY_AGAIN_LATER)
        return
    client = hub.join()
    try:
        await websocket.accept()
        feed_ok, feed_detail = health.of("feed")
        hello = Hello(server_at=datetime.now(UTC), feed_ok=feed_ok, feed_detail=feed_detail)
        await websocket.send_text(msgspec.json.encode(hello).decode())
        await _until_one_ends(websocket, client)
        if client.is_too_slow.is_set():
            with contextlib.suppress(TimeoutError, RuntimeError):
                await asyncio.wait_for(websocket.close(_TRY_AGAIN_LATER), _FAREWELL_S)
    except WebSocketDisconnect:
        return  # the page was closed while it was being greeted
    finally:
        hub.leave(client)


async def _until_one_ends(websocket: WebSocket, client: Client) -> None:
    tasks = [
        asyncio.create_task(_send(websocket, client)),
        asyncio.create_task(_receive(websocket)),
        asyncio.create_task(client.is_too_slow.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(websocket: WebSocket, client: Client) -> None:
    while True:
        await websocket.send_text(await client.frames.get())


async def _receive(websocket: WebSocket) -> None:
    """Notice when the page leaves; what it says is not read."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
