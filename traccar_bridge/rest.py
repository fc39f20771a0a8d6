"""Traccar's REST API, as far as the bridge asks it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx2

from itrack.errors import SetAside
from itrack.loopback import is_loopback
from itrack.settings import Settings
from traccar_bridge.errors import Down, Refused, TooMuch
from traccar_bridge.metrics import REQUESTS
from traccar_bridge.sign_in import OneSignIn, Password, SignIn, SignIns, Token
from traccar_bridge.split import split_array
from traccar_bridge.token_life import is_token

__all__ = ["MOST_IDS", "Traccar"]

MOST_IDS = 400
"""Positions asked for at once: with ids of ten digits the request stays below the 8 KiB that Jetty takes."""

_MOST_BYTES = 16 * 1024 * 1024
_MOST_BYTES_OF_DEVICES = 128 * 1024 * 1024
_TIMEOUT_S = 30.0

_Query = list[tuple[str, str | int | float | bool | None]] | None


class Traccar:
    """A signed-in REST client. A context manager, for one thread.

    It signs in at the first request, and anew after each refusal and when another sign-in is to be used.

    Args:
        settings: the address.
        sign_ins: the sign-in to use.

    Raises:
        FixConfiguration: from any request, when there is nothing to sign in with.
        Refused: from any request, when Traccar does not accept the sign-in.
        Down: from any request, when Traccar does not answer, answers with an error of its own, or with something that
            is no list, such as the page of a proxy.
    """

    def __init__(self, settings: Settings, sign_ins: SignIns | OneSignIn) -> None:
        self._settings = settings
        self._sign_ins = sign_ins
        self._http = httpx2.Client(
            base_url=f"{settings.traccar_address}/api",
            headers={"Accept": "application/json"},
            timeout=httpx2.Timeout(_TIMEOUT_S, connect=5.0),
            trust_env=not is_loopback(settings.traccar_address),
        )
        self._sign_in: SignIn | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def devices(self) -> list[bytes]:
        """The texts of all devices that the user was given."""
        try:
            answer = self._get("devices", "/devices", most_bytes=_MOST_BYTES_OF_DEVICES)
            if answer is None:
                raise Down(f"Traccar at {self._settings.traccar_address} did not list the devices (status 400)")
            return self._rows("/devices", answer)
        except TooMuch as error:
            raise Down(
                f"Traccar at {self._settings.traccar_address} lists the devices in {error}. Sign in as a user who was "
                "given fewer."
            ) from error

    def positions(self, ids: Sequence[int]) -> list[bytes] | None:
        """The texts of the positions with these ids, at most `MOST_IDS`.

        Returns:
            None when one of them does not exist or may not be seen: Traccar then refuses them all.

        Raises:
            TooMuch: more than 16 MiB, or a list that cannot be taken apart; ask for fewer.
        """
        answer = self._get("positions_by_id", "/positions", [("id", each) for each in ids])
        return None if answer is None else self._rows("/positions", answer)

    def positions_between(self, traccar_id: int, from_at: datetime, to_at: datetime) -> list[bytes] | None:
        """The texts of a device's positions with a fix time in the interval, both ends included, by fix time.

        Older servers and configured ones cut long answers without a word.

        Returns:
            None when the device is gone or the user may not ask.

        Raises:
            TooMuch: more than 16 MiB, or a list that cannot be taken apart; ask for a shorter interval.
        """
        query: _Query = [("deviceId", traccar_id), ("from", _iso(from_at)), ("to", _iso(to_at))]
        answer = self._get("positions_by_time", "/positions", query)
        return None if answer is None else self._rows("/positions", answer)

    def new_token(self, expires_at: datetime) -> str:
        """A further token of the user's, good until `expires_at` or earlier. It is a secret."""
        try:
            answer = self._send("token", "POST", "/session/token", data={"expiration": _iso(expires_at)})
        except TooMuch:
            answer = None
        token = "" if answer is None else answer.decode("ascii", "replace").strip()
        if not is_token(token):
            raise Down(f"Traccar at {self._settings.traccar_address} answers with no token when asked for one.")
        return token

    def socket_sign_in(self) -> tuple[str, str | None]:
        """What the socket needs: its query string, and its cookie or None. Both are secrets."""
        sign_in = self._signed_in()
        if isinstance(sign_in, Token):
            return str(httpx2.QueryParams({"token": sign_in.value})), None
        return "", "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())

    def _rows(self, path: str, answer: bytes) -> list[bytes]:
        try:
            return split_array(answer)
        except SetAside as error:
            if answer.lstrip().startswith(b"["):
                raise TooMuch(f"an answer that is no whole list ({error})") from error
            raise Down(
                f"Traccar at {self._settings.traccar_address} answers {path} with something that is no list. "
                "Does a proxy before it show a page of its own?"
            ) from error

    def _get(self, what: str, path: str, query: _Query = None, most_bytes: int = _MOST_BYTES) -> bytes | None:
        """The body of a good answer, None for status 400."""
        return self._send(what, "GET", path, query, most_bytes=most_bytes)

    def _send(
        self,
        what: str,
        method: str,
        path: str,
        query: _Query = None,
        *,
        data: dict[str, str] | None = None,
        most_bytes: int = _MOST_BYTES,
    ) -> bytes | None:
        """The body of a good answer, None for status 400."""
        while True:
            sign_in = self._signed_in()
            REQUESTS.labels(what).inc()
            try:
                with self._http.stream(method, path, params=query, data=data) as response:
                    if response.status_code == 200:
                        return _body(response, most_bytes)
                    status = response.status_code
            except httpx2.HTTPError as error:
                raise Down(
                    f"Traccar at {self._settings.traccar_address} does not answer: {type(error).__name__}"
                ) from error
            if status == 400:
                return None
            if status not in {401, 403}:
                raise Down(f"Traccar at {self._settings.traccar_address} answers {path} with status {status}")
            self._sign_in = None
            if not self._sign_ins.refused(sign_in):
                raise Refused(
                    f"Traccar at {self._settings.traccar_address} does not accept the sign-in (status {status}). "
                    "Has the token expired, or is the user disabled?"
                )

    def _signed_in(self) -> SignIn:
        sign_in = self._sign_ins.current()
        if self._sign_in != sign_in:
            self._http.headers.pop("Authorization", None)
            self._http.cookies.clear()
            if isinstance(sign_in, Token):
                self._http.headers["Authorization"] = f"Bearer {sign_in.value}"
            else:
                self._open_session(sign_in)
            self._sign_in = sign_in
        return sign_in

    def _open_session(self, password: Password) -> None:
        REQUESTS.labels("session").inc()
        try:
            response = self._http.post("/session", data={"email": password.email, "password": password.value})
        except httpx2.HTTPError as error:
            raise Down(
                f"Traccar at {self._settings.traccar_address} does not answer: {type(error).__name__}"
            ) from error
        if response.status_code in {400, 401, 403}:
            raise Refused(
                f"Traccar at {self._settings.traccar_address} does not accept this e-mail and password. "
                "Check ITRACK_TRACCAR_EMAIL and ITRACK_TRACCAR_PASSWORD."
            )
        if response.status_code != 200:
            raise Down(f"Traccar at {self._settings.traccar_address} answers a sign-in with {response.status_code}")


def _body(response: httpx2.Response, most_bytes: int) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > most_bytes:
            raise TooMuch(f"an answer of more than {most_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
