"""Renewing the token well before it ends, in a bridge that works and in one that stands by."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import structlog

from itrack.errors import TryAgain
from itrack.settings import Settings
from traccar_bridge import metrics
from traccar_bridge.rest import Traccar
from traccar_bridge.sign_in import OneSignIn, SignIns, Token
from traccar_bridge.token_life import expiry_of, is_due

__all__ = ["Renewal"]

_LOOK_EVERY_S = 3600.0
_AFTER_A_FAILURE_S = 60.0


class Renewal:
    """Asks Traccar for a new token with the old one, as long as the old one is good.

    Args:
        settings: how long a new one is to last.
        sign_ins: the token in use, replaced here.
    """

    def __init__(self, settings: Settings, sign_ins: SignIns) -> None:
        self._settings = settings
        self._sign_ins = sign_ins
        self._life = timedelta(days=settings.traccar_token_days)

    def work(self, stopping: threading.Event) -> None:
        """Look every hour until the bridge is to stop."""
        next_s = 0.0
        while True:
            if time.monotonic() >= next_s:
                try:
                    self.renew_if_due(datetime.now(UTC))
                    next_s = time.monotonic() + _LOOK_EVERY_S
                except TryAgain as error:
                    structlog.get_logger().warning("token_not_renewed", error=str(error))
                    next_s = time.monotonic() + _AFTER_A_FAILURE_S
            if stopping.wait(1.0):
                return

    def renew_if_due(self, now: datetime) -> None:
        """Replace the token when its end is near, and tell when it ends.

        Raises:
            TryAgain: Traccar is away, or refuses.
        """
        current = self._sign_ins.current()
        if not isinstance(current, Token):
            return
        expires_at = expiry_of(current.value)
        is_configured = self._settings.traccar_token is not None  # the stand-in's own is written anew with each start
        if is_configured and expires_at is not None and is_due(expires_at, now, self._life):
            expires_at = self._renew(expires_at, now)
        metrics.TOKEN_EXPIRES.set(expires_at.timestamp() if expires_at else 0)

    def _renew(self, expires_at: datetime, now: datetime) -> datetime:
        with Traccar(self._settings, self._sign_ins) as traccar:
            renewed = Token(traccar.new_token(now + self._life))
        renewed_until = expiry_of(renewed.value)
        if renewed_until is None or renewed_until <= expires_at:
            structlog.get_logger().warning("token_not_extended", ends_at=expires_at.isoformat())
            return expires_at
        with Traccar(self._settings, OneSignIn(renewed)) as traccar:
            traccar.devices()  # the old one is good for longer than a new one that is not taken
        self._sign_ins.keep(renewed)
        structlog.get_logger().info("token_renewed", ends_at=renewed_until.isoformat())
        return renewed_until
