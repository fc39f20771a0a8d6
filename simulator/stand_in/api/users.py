"""Users and what they may see."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from simulator.stand_in.api.asking import Refusal, administrator, answer, body_of, number_of, traccar_of
from simulator.stand_in.records import User
from simulator.stand_in.traccar import AccessDenied

__all__ = ["router"]

router = APIRouter()


@router.get("/users")
async def users(request: Request) -> Response:
    """All users."""
    administrator(request)
    return answer(list(traccar_of(request).access.users.values()))


@router.post("/users")
async def add_user(request: Request) -> Response:
    """Create a user. The first one of an empty server administrates; later only an administrator may."""
    access = traccar_of(request).access
    if access.users:
        try:
            administrator(request)
        except Refusal:
            raise AccessDenied("Registration disabled") from None
    user = await body_of(request, User)
    if not access.users:
        user.administrator, user.device_limit = True, -1
    return answer(access.add_user(user, user.password or ""))


@router.put("/users/{user_id}")
async def change_user(request: Request, user_id: str) -> Response:
    """Replace a user."""
    administrator(request)
    access, user = traccar_of(request).access, await body_of(request, User)
    user.id = number_of(user_id)
    if user.id not in access.users:
        raise AccessDenied("User access denied")
    access.change_user(user)
    return answer(user)


@router.delete("/users/{user_id}")
async def remove_user(request: Request, user_id: str) -> Response:
    """Delete a user, whether they exist or not."""
    administrator(request)
    traccar_of(request).access.remove_user(number_of(user_id))
    return Response(status_code=204)


@router.post("/permissions")
async def link(request: Request) -> Response:
    """Let a user see a device."""
    administrator(request)
    traccar, pair = traccar_of(request), await body_of(request, dict[str, int])
    if pair.get("userId") not in traccar.access.users or pair.get("deviceId") not in traccar.devices:
        raise Refusal(400, "Referential integrity constraint violation - StorageException")
    traccar.access.link(pair["userId"], pair["deviceId"])
    return Response(status_code=204)


@router.delete("/permissions")
async def unlink(request: Request) -> Response:
    """Take that right away; sockets that are open do not notice."""
    administrator(request)
    access, pair = traccar_of(request).access, await body_of(request, dict[str, int])
    if pair.get("userId") in access.users:
        access.unlink(pair["userId"], pair.get("deviceId", 0))
    return Response(status_code=204)
