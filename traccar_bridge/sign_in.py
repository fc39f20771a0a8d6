"""Which sign-in the bridge uses at Traccar."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from itrack.errors import FixConfiguration, TryAgain
from itrack.secret_file import write_secret
from itrack.settings import Settings

__all__ = ["OneSignIn", "Password", "SignIn", "SignIns", "Token"]


@dataclass(frozen=True)
class Token:
    """An access token. REST takes it as a Bearer header, the socket as a query parameter."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class Password:
    """E-mail and password; REST and socket then use the cookie of a session."""

    email: str
    value: str = field(repr=False)


SignIn = Token | Password


class _Kept(msgspec.Struct):
    """A renewed token on disk, with a fingerprint of the configured one that it goes back to."""

    configured: str
    token: str


class OneSignIn:
    """A sign-in to try out: where `SignIns` would look for another one, this does not."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    def current(self) -> SignIn:
        """The one."""
        return self._sign_in

    def refused(self, _sign_in: SignIn) -> bool:
        """There is no other."""
        return False


class SignIns:
    """The sign-in of one bridge, for all of its connections. Safe to use from any thread.

    A token that was renewed is kept in a file and used instead of the configured one, for as long as that stays the
    same: somebody who configures another token has a reason. One that Traccar refuses is not used again, so that the
    configured one gets its chance.

    Args:
        settings: the configured sign-in, and where the file is.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.bridge_folder / f"token-{settings.traccar_name}"
        self._lock = threading.Lock()
        self._refused: set[str] = set()
        self._current: SignIn | None = None

    def current(self) -> SignIn:
        """The sign-in to use.

        Raises:
            FixConfiguration: a Traccar is set, but nothing to sign in with.
            TryAgain: the local stand-in has not written its token yet.
        """
        with self._lock:
            if self._current is None:
                self._current = self._find()
            return self._current

    def refused(self, sign_in: SignIn) -> bool:
        """Traccar does not accept it; True when another may be tried at once."""
        with self._lock:
            if isinstance(sign_in, Token) and sign_in != self._configured_token():
                self._refused.add(sign_in.value)
            self._current = None
        return isinstance(sign_in, Token) and self.current() != sign_in

    def keep(self, renewed: Token) -> None:
        """Use this token from now on, after a restart as well."""
        configured = self._configured_token()
        with self._lock:
            self._current = renewed
        if configured is not None:
            kept = _Kept(configured=_fingerprint(configured), token=renewed.value)
            try:
                write_secret(self._file, msgspec.json.encode(kept).decode())
            except OSError as error:
                structlog.get_logger().warning("token_not_kept", file=str(self._file), error=str(error.strerror))

    def _find(self) -> SignIn:
        settings = self._settings
        configured = self._configured_token()
        if configured is not None:
            return self._kept_for(configured) or configured
        if settings.traccar_email is not None and settings.traccar_password is not None:
            return Password(settings.traccar_email, settings.traccar_password.get_secret_value())
        if settings.traccar_url is not None:
            raise FixConfiguration(
                "The bridge cannot sign in: set ITRACK_TRACCAR_TOKEN, or ITRACK_TRACCAR_EMAIL and "
                "ITRACK_TRACCAR_PASSWORD."
            )
        file = settings.stand_in_token_file
        try:
            return Token(file.read_text().strip())
        except OSError as error:
            raise TryAgain(f"The stand-in Traccar has not written its token to {file} yet: is it running?") from error

    def _configured_token(self) -> Token | None:
        secret = self._settings.traccar_token
        return None if secret is None else Token(secret.get_secret_value().strip())

    def _kept_for(self, configured: Token) -> Token | None:
        kept = _read(self._file)
        if kept is None or kept.configured != _fingerprint(configured) or kept.token in self._refused:
            return None
        return Token(kept.token)


def _read(file: Path) -> _Kept | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _fingerprint(token: Token) -> str:
    """Tells tokens apart, and tells nothing else: they are long and random."""
    return hashlib.sha256(token.value.encode()).hexdigest()
