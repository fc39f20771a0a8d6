"""Who may reach the map."""

from __future__ import annotations

import socket

import pytest

from itrack.errors import FixConfiguration
from itrack.settings import load_settings
from live_map.access import is_our_origin, listen, refuse_remote, trusted_hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_may_always_listen_to_itself(host: str) -> None:
    """Loopback addresses need no permission."""
    refuse_remote(load_settings(map_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "map.example.org"])  # noqa: S104 - refused here
def test_others_are_let_in_only_on_purpose(host: str) -> None:
    """The map has no sign-in yet, so that it must not be opened to a network by accident."""
    with pytest.raises(FixConfiguration, match="ITRACK_MAP_ALLOW_REMOTE"):
        refuse_remote(load_settings(map_host=host))
    refuse_remote(load_settings(map_host=host, map_allow_remote=True))


def test_trusted_names_are_loopback_the_own_address_and_the_set_ones() -> None:
    """A browser that was sent here by a foreign name must get nothing (DNS rebinding)."""
    settings = load_settings(map_host="192.168.1.5", map_trusted_hosts="Map.example.org, , proxy")
    assert trusted_hosts(settings) == ["127.0.0.1", "localhost", "[::1]", "192.168.1.5", "map.example.org", "proxy"]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://127.0.0.1:21080", True),
        ("https://127.0.0.1:21080", True),
        (None, True),
        ("http://127.0.0.1:9999", False),
        ("http://evil.example", False),
        ("http://127.0.0.1:21080.evil.example", False),
        ("http://evil.example@127.0.0.1:21080", False),
        ("null", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_only_our_own_page_may_open_the_socket(origin: str | None, *, expected: bool) -> None:
    """Another site's page must not read where people are through the visitor's browser."""
    assert is_our_origin(origin, "127.0.0.1:21080") is expected


def test_a_taken_port_is_one_sentence() -> None:
    """Starting a second map says what to do instead of a stack trace."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = load_settings(map_port=other.getsockname()[1])
        with pytest.raises(FixConfiguration, match="ITRACK_MAP_PORT"):
            listen(settings)
