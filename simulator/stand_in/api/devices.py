"""Devices."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from simulator.stand_in.api.asking import answer, body_of, device_id_of, number_of, signed_in, traccar_of
from simulator.stand_in.records import Device
from simulator.stand_in.traccar import AccessDenied

__all__ = ["router"]

router = APIRouter()


@router.get("/devices")
async def devices(request: Request) -> Response:
    """One's own devices, even for administrators, who get all with `?all=true`."""
    traccar, user, parameters = traccar_of(request), signed_in(request), request.query_params
    names, ids = parameters.getlist("uniqueId"), {number_of(text) for text in parameters.getlist("id")}
    if names or ids:
        return answer([row for row in traccar.devices_of(user) if row.unique_id in names or row.id in ids])
    if parameters.get("all", "").lower() == "true" and user.administrator:
        return answer(list(traccar.devices.values()))
    return answer(traccar.devices_of(user))


@router.post("/devices")
async def add_device(request: Request) -> Response:
    """Create a device of one's own."""
    user = signed_in(request)
    return answer(traccar_of(request).add_device(await body_of(request, Device), user))


@router.get("/devices/{device_id}")
async def device(request: Request, device_id: str) -> Response:
    """One device."""
    return answer(traccar_of(request).devices[device_id_of(request, device_id)])


@router.put("/devices/{device_id}")
async def change_device(request: Request, device_id: str) -> Response:
    """Replace what people may change of a device. No frame tells anybody."""
    number, device = device_id_of(request, device_id), await body_of(request, Device)
    device.id = number
    return answer(traccar_of(request).change_device(device))


@router.delete("/devices/{device_id}")
async def remove_device(request: Request, device_id: str) -> Response:
    """Delete a device; 204 also when there is none. No frame tells anybody."""
    traccar, user, number = traccar_of(request), signed_in(request), number_of(device_id)
    if not traccar.access.may_see(user, number):
        raise AccessDenied("Device access denied")
    traccar.remove_device(number)
    return Response(status_code=204)
