"""Sends planned reports to Traccar as phones do: one connection per phone, in order, patient when Traccar is away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec
import stamina

from itrack.errors import TryAgain
from simulator.osmand_forms import Form, json_form, query_form
from simulator.phone_connection import HungUp, PhoneConnection
from simulator.tracks import TrackPoint

__all__ = ["Delivery", "Planned", "deliver"]

_HANG_UPS = 3
_STOP_LOOK_S = 0.2


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A report and when it leaves the phone: `due_s` seconds after the delivery began."""

    due_s: float
    point: TrackPoint


class Delivery(msgspec.Struct, kw_only=True):
    """How a delivery stands, or ended.

    Attributes:
        planned: reports in all.
        accepted: answered with 200. Traccar stores them after that, so this is not yet a promise.
        refused: by reason: an HTTP status, or `closed` when Traccar hung up without an answer.
        began_at, ended_at: by this machine's clock.
    """

    planned: int = 0
    accepted: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    began_at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None

    @property
    def sent(self) -> int:
        """Reports that Traccar judged."""
        return self.accepted + self.refused.total()

    @property
    def unsent(self) -> int:
        """Reports still to send."""
        return self.planned - self.sent


def deliver(
    plans: Mapping[str, Iterable[Planned]],
    osmand_url: str,
    *,
    form: Form = Form.QUERY,
    patience_s: float | None = None,
    on_progress: Callable[[Delivery], None] | None = None,
    stopping: threading.Event | None = None,
) -> Delivery:
    """Send every phone's reports in order, each when it is due.

    A phone whose report does not get through keeps it and tries again, for `patience_s` or for ever; the other phones
    go on meanwhile. A report that got through without our learning of it is sent twice, as phones do.

    Args:
        plans: reports in order, by the phone's unique id.
        osmand_url: where to.
        form: how reports are worded.
        patience_s: how long a phone tries to send one report; None is for ever.
        on_progress: called after each report, from this thread.
        stopping: ends the delivery early when set; what is unsent by then is counted so.

    Raises:
        TryAgain: Traccar stayed away for longer than `patience_s`.
    """
    listed = {unique_id: list(plan) for unique_id, plan in plans.items()}
    delivery = Delivery(planned=sum(len(plan) for plan in listed.values()))
    began_s = time.monotonic()

    async def phone(unique_id: str, plan: list[Planned]) -> None:
        connection = PhoneConnection(osmand_url)
        try:
            for planned in plan:
                await asyncio.sleep(max(0.0, began_s + planned.due_s - time.monotonic()))
                reason = await _send(connection, form, unique_id, planned.point, patience_s)
                if reason is None:
                    delivery.accepted += 1
                else:
                    delivery.refused[reason] += 1
                if on_progress is not None:
                    on_progress(delivery)
        finally:
            connection.close()

    async def all_phones() -> None:
        await asyncio.gather(*(phone(unique_id, plan) for unique_id, plan in listed.items()))

    async def until_stopped() -> None:
        phones = asyncio.create_task(all_phones())
        while not (await asyncio.wait([phones], timeout=_STOP_LOOK_S))[0]:
            if stopping is not None and stopping.is_set():
                phones.cancel()
        if not phones.cancelled():
            phones.result()

    asyncio.run(until_stopped())
    delivery.ended_at = datetime.now(UTC)
    return delivery


async def _send(
    connection: PhoneConnection, form: Form, unique_id: str, point: TrackPoint, patience_s: float | None
) -> str | None:
    """Send one report until Traccar judges it; the reason of a refusal, None when it was taken."""
    hang_ups = 0
    policy = stamina.retry_context(on=TryAgain, attempts=None, timeout=patience_s, wait_initial=0.1, wait_max=5.0)
    async for attempt in policy:
        with attempt:
            try:
                if form is Form.JSON:
                    status = await connection.post_json(msgspec.json.encode(json_form(unique_id, point)))
                else:
                    status = await connection.get(urlencode(query_form(unique_id, point)))
            except HungUp as error:
                hang_ups += 1
                if hang_ups == _HANG_UPS:
                    return "closed"
                raise TryAgain("Traccar hung up without an answer.") from error
            except OSError as error:
                raise TryAgain(
                    f"Traccar takes no reports at the address in ITRACK_OSMAND_URL ({type(error).__name__}): is it "
                    "running, and is the address right?"
                ) from error
            if status >= 500:
                raise TryAgain(f"Traccar answers reports with {status}: look at its log.")
            return None if status == 200 else str(status)
    raise AssertionError("unreachable: the retries end by a return or a raise")
