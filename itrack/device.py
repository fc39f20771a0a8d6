"""A device: one phone known to one Traccar server."""

from __future__ import annotations

import msgspec

from itrack.instant import Instant

__all__ = ["Device"]


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What Traccar knows about a phone.

    Attributes:
        device_id: `<server>:<Traccar device id>`.
        unique_id: what the phone calls itself when it reports.
        name: chosen by a person. Hostile text.
        status: `online`, `offline` or `unknown`, as Traccar says; `removed` once Traccar no longer shows it.
        disabled: Traccar refuses its reports.
        last_report_at: when Traccar last heard of it; None when never.
    """

    device_id: str
    unique_id: str
    name: str
    status: str = "unknown"
    disabled: bool = False
    last_report_at: Instant | None = None
