"""Which sign-in the bridge uses at Traccar."""

from __future__ import annotations

from dataclasses import dataclass, field

from itrack.errors import FixConfiguration, TryAgain
from itrack.settings import Settings

__all__ = ["Password", "Token", "find_sign_in"]


@dataclass(frozen=True)
class Token:
    """An access token. REST takes it as a Bearer header, the socket as a query parameter."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class Password:
    """E-mail and password; REST and socket then use the cookie of a session."""

    email: str
    value: str = field(repr=False)


def find_sign_in(settings: Settings) -> Token | Password:
    """The sign-in that the settings name, or the local stand-in's own, which it writes to a file when it starts.

    Raises:
        FixConfiguration: a Traccar is set, but nothing to sign in with.
        TryAgain: the local stand-in has not written its token yet.
    """
    if settings.traccar_token is not None:
        return Token(settings.traccar_token.get_secret_value().strip())
    if settings.traccar_email is not None and settings.traccar_password is not None:
        return Password(settings.traccar_email, settings.traccar_password.get_secret_value())
    if settings.traccar_url is not None:
        raise FixConfiguration(
            "The bridge cannot sign in: set ITRACK_TRACCAR_TOKEN, or ITRACK_TRACCAR_EMAIL and ITRACK_TRACCAR_PASSWORD."
        )
    file = settings.stand_in_token_file
    try:
        return Token(file.read_text().strip())
    except OSError as error:
        raise TryAgain(f"The stand-in Traccar has not written its token to {file} yet: is it running?") from error
