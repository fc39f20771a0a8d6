"""Positions, by id, by device and time, or the latest."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from simulator.stand_in.api.asking import JSON, Refusal, answer, date_of, device_id_of, number_of, signed_in, traccar_of
from simulator.stand_in.traccar import AccessDenied

__all__ = ["router"]

router = APIRouter()


@router.get("/positions")
async def positions(request: Request) -> Response:
    """Positions by `id`, or of `deviceId` with `from` and `to` (fix time, both included), or the latest ones."""
    traccar, user, parameters = traccar_of(request), signed_in(request), request.query_params
    ids = [number_of(text) for text in parameters.getlist("id")]
    from_ms, to_ms = date_of(parameters.get("from")), date_of(parameters.get("to"))
    if ids:
        return _joined([_position(request, number) for number in ids])
    if number_of(parameters.get("deviceId", "0")) <= 0:
        return answer(traccar.latest_of(user))
    device_id = device_id_of(request, parameters["deviceId"])
    if from_ms is None or to_ms is None:
        latest = traccar.latest_of_device(device_id)
        return answer([] if latest is None else [latest])
    if user.disable_reports:
        raise AccessDenied("Operation restricted")
    return _joined(traccar.store.positions_between(device_id, from_ms, to_ms, traccar.options.max_positions or -1))


@router.delete("/positions")
async def remove_positions(request: Request) -> Response:
    """Delete a device's positions between two times."""
    device_id = device_id_of(request, request.query_params.get("deviceId", "0"))
    from_ms, to_ms = date_of(request.query_params.get("from")), date_of(request.query_params.get("to"))
    if from_ms is None or to_ms is None:
        raise Refusal(400, "NullPointerException")
    traccar_of(request).store.remove_positions(device_id, from_ms, to_ms)
    return Response(status_code=204)


def _position(request: Request, position_id: int) -> str:
    """One hole, or one position without access, spoils the whole request."""
    traccar, user = traccar_of(request), signed_in(request)
    body = traccar.store.position(position_id)
    if body is None:
        raise Refusal(400, 'Cannot invoke "Position.getDeviceId()" because "position" is null - NullPointerException')
    if not traccar.access.may_see(user, msgspec.json.decode(body)["deviceId"]):
        raise AccessDenied("Device access denied")
    return body


def _joined(bodies: list[str]) -> Response:
    return Response(f"[{','.join(bodies)}]", media_type=JSON)
