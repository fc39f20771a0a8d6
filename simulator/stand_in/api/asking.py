"""What every request needs: who asks, what they gave, and answers as Traccar words them."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from fastapi import Request, Response
from fastapi.requests import HTTPConnection

from simulator.stand_in.records import User, encode
from simulator.stand_in.times import ms_of_iso
from simulator.stand_in.traccar import AccessDenied, Traccar

__all__ = [
    "COOKIE",
    "JSON",
    "Refusal",
    "administrator",
    "answer",
    "body_of",
    "date_of",
    "device_id_of",
    "number_of",
    "signed_in",
    "traccar_of",
]

T = TypeVar("T")

JSON = "application/json"
COOKIE = "JSESSIONID"


class Refusal(Exception):
    """An answer other than 2xx: a status and a text that Traccar labels as JSON."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def traccar_of(connection: HTTPConnection) -> Traccar:
    """The server that was asked."""
    traccar: Traccar = connection.app.state.traccar
    return traccar


def answer(value: object) -> Response:
    """200 with a record, or a list of them."""
    return Response(encode(value), media_type=JSON)


def signed_in(request: Request) -> User:
    """Who asks, by `Authorization` header or cookie; `?token=` does not count here.

    Raises:
        Refusal: 401.
    """
    access, header = traccar_of(request).access, request.headers.get("authorization")
    if header is not None:
        user = access.user_of_authorization(header)
    else:
        user = access.user_of_cookie(request.cookies.get(COOKIE))
    if user is None or user.disabled:
        raise Refusal(401, "HTTP 401 Unauthorized - WebApplicationException")
    return user


def administrator(request: Request) -> User:
    """Who asks, if they administrate.

    Raises:
        Refusal: 401.
        AccessDenied: they do not.
    """
    user = signed_in(request)
    if not user.administrator:
        raise AccessDenied("Administrator access required")
    return user


def device_id_of(request: Request, text: str) -> int:
    """The id of a device that exists and that who asks may see.

    Raises:
        Refusal: 401, or 404 for what is no number.
        AccessDenied: no such device, or not theirs.
    """
    traccar, user, number = traccar_of(request), signed_in(request), number_of(text)
    if number not in traccar.devices or not traccar.access.may_see(user, number):
        raise AccessDenied("Device access denied")
    return number


async def body_of(request: Request, kind: type[T]) -> T:
    """The JSON body.

    Raises:
        Refusal: 400, it does not fit.
    """
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Refusal(400, f"{error} - MismatchedInputException") from None


def number_of(text: str) -> int:
    """A whole number.

    Raises:
        Refusal: 404, as for every parameter that cannot be read.
    """
    try:
        return int(text)
    except ValueError:
        raise Refusal(404, "HTTP 404 Not Found - NotFoundException") from None


def date_of(text: str | None) -> int | None:
    """Milliseconds of an ISO 8601 time with a zone, None when there is none.

    Raises:
        Refusal: 404.
    """
    try:
        return None if text is None else ms_of_iso(text)
    except ValueError:
        raise Refusal(404, "HTTP 404 Not Found - NotFoundException") from None
