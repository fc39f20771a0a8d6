"""Sign-in: cookie sessions and tokens."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request, Response

from simulator.stand_in.api.asking import COOKIE, JSON, Refusal, answer, date_of, signed_in, traccar_of
from simulator.stand_in.records import User
from simulator.stand_in.traccar import AccessDenied

__all__ = ["router"]

router = APIRouter()


@router.get("/server")
async def server() -> Response:
    """What anybody may know."""
    return answer({"id": 1, "attributes": {}, "registration": False, "readonly": False, "version": "6.14.5"})


@router.post("/session")
async def sign_in(request: Request) -> Response:
    """Sign in with a form."""
    form = await request.form()
    user = traccar_of(request).access.user_of_password(str(form.get("email", "")), str(form.get("password", "")))
    if user is None:
        raise Refusal(401, "HTTP 401 Unauthorized - WebApplicationException")
    if user.disabled:
        raise AccessDenied("Account is disabled")
    return _with_cookie(request, user)


@router.get("/session")
async def session(request: Request) -> Response:
    """Who is signed in; a `token` signs in."""
    access, token = traccar_of(request).access, request.query_params.get("token")
    if token is not None:
        user = access.user_of_token(token)
        if user is None or user.disabled:
            raise AccessDenied("Invalid signature")
        return _with_cookie(request, user, token)
    user = access.user_of_cookie(request.cookies.get(COOKIE))
    if user is None:
        raise Refusal(404, "HTTP 404 Not Found - WebApplicationException")
    return answer(user)


@router.delete("/session")
async def sign_out(request: Request) -> Response:
    """Forget the cookie."""
    signed_in(request)
    traccar_of(request).access.close_session(request.cookies.get(COOKIE))
    return Response(status_code=204)


@router.post("/session/token")
async def token(request: Request) -> Response:
    """A token as bare text: labelled as JSON, but not a JSON string.

    In a session that was opened with a token it ends with that one, and the request must name an end; one made with
    an `Authorization` header has no such limit.
    """
    user, access = signed_in(request), traccar_of(request).access
    expiration = (await request.form()).get("expiration")
    expires_at = None
    if expiration is not None:
        date_of(str(expiration))
        expires_at = datetime.fromisoformat(str(expiration))
    limit = access.session_expiry(request.cookies.get(COOKIE))
    if limit is not None:
        if expires_at is None:
            raise Refusal(400, "NullPointerException")
        expires_at = min(expires_at, limit)
    return Response(access.token_for(user.id, expires_at), media_type=JSON)


def _with_cookie(request: Request, user: User, token: str | None = None) -> Response:
    response = answer(user)
    session_id = traccar_of(request).access.open_session(user.id, request.headers.get("origin"), token)
    response.set_cookie(COOKIE, session_id, samesite=None)
    return response
