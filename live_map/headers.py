"""The headers that tell a browser what the page may do: nothing but what it was made for."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from itrack.errors import FixConfiguration

__all__ = ["SecurityHeaders", "content_security_policy", "tiles_source"]

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """ASGI middleware: adds to every answer the headers it lacks. Nothing but static files may be stored."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
                # A static file may be stored but is asked for anew each time: after an update nobody runs old code.
                is_static = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if is_static else "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def content_security_policy(nonce: str, tiles_url: str | None = None) -> str:
    """The policy of the page: our own files, one inline script known by its nonce, and pictures of the tile server."""
    pictures = ["'self'"] if tiles_url is None else ["'self'", "data:", tiles_source(tiles_url)]
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self'",
            f"img-src {' '.join(dict.fromkeys(pictures))}",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def tiles_source(tiles_url: str) -> str:
    """The source of a template of tiles as a policy names it, such as `https://*.tiles.example.org`.

    Raises:
        FixConfiguration: it is not a template that a page could use.
    """
    if tiles_url.startswith("/") and not tiles_url.startswith("//"):
        return "'self'"
    try:
        parts = urlsplit(re.sub(r"^(https?://)\{s\}\.", r"\1*.", tiles_url))
        is_usable = parts.scheme in {"http", "https"} and re.fullmatch(r"(\*\.)?[\w.-]+(:\d+)?", parts.netloc, re.ASCII)
    except ValueError:
        is_usable = None
    if not is_usable:
        raise FixConfiguration(
            "ITRACK_MAP_TILES_URL is no address of tiles. It looks like https://tiles.example.org/{z}/{x}/{y}.png "
            "or, served by the same host, /tiles/{z}/{x}/{y}.png."
        )
    return f"{parts.scheme}://{parts.netloc}"
