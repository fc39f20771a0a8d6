"""Who may do what: passwords, tokens, session cookies, and which user sees which device."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from simulator.stand_in.records import User
from simulator.stand_in.store import Store
from simulator.stand_in.tokens import Tokens

__all__ = ["TOKEN_LIFE", "Access"]

TOKEN_LIFE = timedelta(days=7)
"""How long a token lives when the request names no expiration."""


class _Session(NamedTuple):
    user_id: int
    origin: str | None
    expires_at: datetime | None


_NO_SESSION = _Session(0, None, None)


class Access:
    """Sign-in. Tokens survive a restart, since their key is in the database; cookies live in memory and do not."""

    def __init__(self, store: Store) -> None:
        self._store = store
        key = store.fact("token_key") or secrets.token_hex(32)
        store.remember("token_key", key)
        self._tokens = Tokens(key)
        self._sessions: dict[str, _Session] = {}
        self.users = {user.id: user for user in store.users()}
        self.links: dict[int, set[int]] = {user_id: set() for user_id in self.users}
        for user_id, device_id in store.links():
            self.links[user_id].add(device_id)

    def add_user(self, user: User, password: str) -> User:
        """Create a user.

        Raises:
            sqlite3.IntegrityError: the e-mail address is taken.
        """
        user.id = self._store.burn_id("users")
        user.password = None
        self._store.save_user(user, _hash(password))
        self.users[user.id] = user
        self.links[user.id] = set()
        return user

    def change_user(self, user: User) -> None:
        """Replace a user; a `password` in it becomes the new one.

        Raises:
            sqlite3.IntegrityError: the e-mail address is taken.
        """
        password, user.password = user.password, None
        self._store.save_user(user, _hash(password) if password else None)
        self.users[user.id] = user

    def remove_user(self, user_id: int) -> None:
        """Delete a user."""
        self._store.remove_user(user_id)
        self.users.pop(user_id, None)
        self.links.pop(user_id, None)

    def link(self, user_id: int, device_id: int) -> None:
        """Let a user see a device."""
        self._store.link(user_id, device_id)
        self.links[user_id].add(device_id)

    def unlink(self, user_id: int, device_id: int) -> None:
        """Take that right away."""
        self._store.unlink(user_id, device_id)
        self.links[user_id].discard(device_id)

    def forget_device(self, device_id: int) -> None:
        """Drop a deleted device from every user's set."""
        for device_ids in self.links.values():
            device_ids.discard(device_id)

    def may_see(self, user: User, device_id: int) -> bool:
        """An administrator sees every device by REST; others those they are linked to."""
        return user.administrator or device_id in self.links[user.id]

    def user_of_password(self, email: str, password: str) -> User | None:
        """The user who signs in so, None when e-mail or password is wrong."""
        for user in self.users.values():
            if user.email == email:
                return user if _fits(password, self._store.password_hash(user.id)) else None
        return None

    def user_of_token(self, token: str) -> User | None:
        """The user a token was made for, None when it is broken, expired or its user is gone."""
        return self.users.get(self._tokens.user_of(token, datetime.now(UTC)) or 0)

    def user_of_cookie(self, session_id: str | None) -> User | None:
        """The user of an open session."""
        return self.users.get(self._session(session_id).user_id)

    def user_of_socket(self, session_id: str | None, origin: str | None) -> User | None:
        """The user of an open session who opens a socket: from the page of the sign-in, if a page signed in."""
        return self.user_of_cookie(session_id) if self._session(session_id).origin in {None, origin} else None

    def user_of_authorization(self, header: str) -> User | None:
        """The user of an `Authorization` header, Bearer or Basic."""
        scheme, _, value = header.partition(" ")
        if scheme == "Bearer":
            return self.user_of_token(value)
        try:
            email, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self.user_of_password(email, password)

    def token_for(self, user_id: int, expires_at: datetime | None = None) -> str:
        """A new token."""
        return self._tokens.make(user_id, expires_at or datetime.now(UTC) + TOKEN_LIFE)

    def open_session(self, user_id: int, origin: str | None, token: str | None = None) -> str:
        """A new cookie value; `origin` is that header of the sign-in, `token` what it was made with."""
        session_id = f"node0{secrets.token_hex(16)}.node0"
        self._sessions[session_id] = _Session(user_id, origin, self._tokens.expiry_of(token) if token else None)
        return session_id

    def session_expiry(self, session_id: str | None) -> datetime | None:
        """When the token ends that a session was opened with."""
        return self._session(session_id).expires_at

    def close_session(self, session_id: str | None) -> None:
        """Make a cookie worthless."""
        self._sessions.pop(session_id or "", None)

    def _session(self, session_id: str | None) -> _Session:
        return self._sessions.get(session_id or "", _NO_SESSION)


def _hash(password: str, salt: str | None = None) -> str:
    salt = salt or secrets.token_hex(8)
    return f"{salt}:{hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**10, r=8, p=1).hex()}"


def _fits(password: str, stored: str) -> bool:
    return hmac.compare_digest(_hash(password, stored.partition(":")[0]), stored)
