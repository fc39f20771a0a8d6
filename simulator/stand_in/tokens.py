"""Access tokens in the form of Traccar's own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime

import msgspec

from simulator.stand_in.times import iso_of_ms

__all__ = ["Tokens"]


class _Claims(msgspec.Struct):
    """What a token says: its number, its user, and when it ends."""

    i: int
    u: int
    e: datetime


class Tokens:
    """Makes and reads tokens: base64url of a length, a signature of that length, and JSON.

    Traccar signs with ECDSA; here it is an HMAC, which nobody but the server can tell apart.

    Args:
        key: secret of the server.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def make(self, user_id: int, expires_at: datetime) -> str:
        """A new token."""
        claims = {"i": secrets.randbits(63), "u": user_id, "e": iso_of_ms(round(expires_at.timestamp() * 1000))}
        body = msgspec.json.encode(claims)
        signature = self._sign(body)
        return base64.urlsafe_b64encode(bytes([len(signature)]) + signature + body).decode().rstrip("=")

    def user_of(self, token: str, now: datetime) -> int | None:
        """Whose it is; None when it is broken or has expired."""
        claims = self._claims(token)
        return None if claims is None or claims.e < now else claims.u

    def expiry_of(self, token: str) -> datetime | None:
        """When it ends; None when it is broken."""
        claims = self._claims(token)
        return None if claims is None else claims.e

    def _claims(self, token: str) -> _Claims | None:
        try:
            signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            signature, body = signed[1 : 1 + signed[0]], signed[1 + signed[0] :]
            claims = msgspec.json.decode(body, type=_Claims)
        except (binascii.Error, ValueError, IndexError, msgspec.MsgspecError):
            return None
        return claims if hmac.compare_digest(signature, self._sign(body)) else None

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)
