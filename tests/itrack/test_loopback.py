"""Which addresses are this machine's own."""

from __future__ import annotations

import pytest

from itrack.loopback import is_loopback


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:21082", True),
        ("https://LOCALHOST/api", True),
        ("ws://[::1]:8082/api/socket", True),
        ("http://127.8.8.8", True),
        ("https://traccar.example.org", False),
        ("http://localhost.example.org", False),
        ("http://10.0.0.1:8082", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_own_addresses_are_told_from_others(address: str, expected: bool) -> None:
    """A name that only looks like this machine's is somebody else's."""
    assert is_loopback(address) is expected
