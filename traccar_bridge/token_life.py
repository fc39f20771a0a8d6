"""What a Traccar token says of itself, and when it is to be renewed. Pure.

A token is base64url of: one byte with the length of the signature, the signature (ECDSA), and JSON such as
`{"i":123,"u":1,"e":"2026-11-29T12:32:17.147+00:00"}` with the moment it expires in `e` (Traccar's `TokenManager.java`
and `CryptoManager.java`). Tokens of Traccar before 5.3 are other texts, and do not expire.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

import msgspec

__all__ = ["expiry_of", "is_due", "is_token"]

_PLAUSIBLE = re.compile(r"[A-Za-z0-9_\-+/=.]{8,4096}")


class _Claims(msgspec.Struct):
    """Newer Traccars write a time as text, and would write it as milliseconds if they were told to."""

    e: datetime | int


_claims_decoder = msgspec.json.Decoder(_Claims)


def expiry_of(token: str) -> datetime | None:
    """When the token ends; None when it does not say."""
    try:
        signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        expires_at = _claims_decoder.decode(signed[1 + signed[0] :]).e
        if isinstance(expires_at, int):
            return datetime.fromtimestamp(expires_at / 1000, UTC)
        return expires_at.astimezone(UTC)
    except (binascii.Error, ValueError, IndexError, msgspec.MsgspecError, OverflowError, OSError):
        return None


def is_due(expires_at: datetime | None, now: datetime, life: timedelta) -> bool:
    """True when a token that ends then is to be replaced by one that lasts `life`: a third of that before its end."""
    return expires_at is not None and life > timedelta() and expires_at - now < life / 3


def is_token(text: str) -> bool:
    """True for what can be a token, and false for a page that a proxy answers with."""
    return _PLAUSIBLE.fullmatch(text) is not None
