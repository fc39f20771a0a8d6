"""Who may reach the map: this machine, by names that are ours, from pages that are ours."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from itrack.errors import FixConfiguration
from itrack.settings import Settings

__all__ = ["is_loopback", "is_our_origin", "listen", "refuse_remote", "trusted_hosts"]

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def is_loopback(host: str) -> bool:
    """True when only programs on this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_remote(settings: Settings) -> None:
    """Let nobody listen beyond this machine by accident.

    Raises:
        FixConfiguration: the address is not a loopback one and `map_allow_remote` is not set.
    """
    if not (settings.map_allow_remote or is_loopback(settings.map_host)):
        raise FixConfiguration(
            f"ITRACK_MAP_HOST is {settings.map_host}: others could see where people are, and the map has no sign-in. "
            "Set it to 127.0.0.1, or put a proxy with a sign-in before it and set ITRACK_MAP_ALLOW_REMOTE=true."
        )


def trusted_hosts(settings: Settings) -> list[str]:
    """The host names that a browser may call the map by; others may be a trick with DNS."""
    further = [name.strip().lower() for name in settings.map_trusted_hosts.split(",")]
    own = f"[{settings.map_host}]" if ":" in settings.map_host else settings.map_host.lower()
    return [*dict.fromkeys(name for name in (*_LOOPBACK_NAMES, own, *further) if name)]


def is_our_origin(origin: str | None, host: str | None) -> bool:
    """True when a websocket was opened by our own page, or by a program (browsers always send an origin).

    Args:
        origin: the `Origin` header.
        host: the `Host` header, already known to be trusted.
    """
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and host is not None and parts.netloc.lower() == host.lower()


def listen(settings: Settings) -> socket.socket:
    """A socket bound to the map's address.

    Raises:
        FixConfiguration: the port is taken or the address is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.map_host, settings.map_port, type=socket.SOCK_STREAM
        )[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise FixConfiguration(
            f"The map cannot listen on {settings.map_host} port {settings.map_port} ({error.strerror}): is another map "
            "running? Otherwise set ITRACK_MAP_PORT or ITRACK_MAP_HOST."
        ) from error
    return bound
