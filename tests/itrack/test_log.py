"""Logs keep secrets and places to themselves."""

from __future__ import annotations

import pytest

from itrack.log import redact


@pytest.mark.parametrize(
    "event",
    [
        {"url": "ws://host/api/socket?token=sesame&x=1"},
        {"traccar_token": "sesame"},
        {"uri": "mongodb://user:sesame@host/db"},
        {"body": "email=a&password=sesame"},
        {"latitude_deg": "sesame"},
    ],
)
def test_secret_is_struck_out(event: dict[str, str]) -> None:
    """No way in which a secret or a place gets into a log line lets it through."""
    assert "sesame" not in str(redact(None, "info", dict(event)))


def test_the_rest_is_kept() -> None:
    """Striking out one value leaves what a reader needs."""
    assert redact(None, "info", {"url": "ws://host/api?token=t&x=1"})["url"] == "ws://host/api?token=***&x=1"
