"""Telling this machine's own addresses from others: a proxy of the environment is never meant for them."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["is_loopback"]


def is_loopback(address: str) -> bool:
    """True when the host of a URL is this machine itself: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
