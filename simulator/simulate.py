"""`itrack simulate`: a number of people walk about, and their phones report to Traccar."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from itrack.settings import Settings
from simulator.delivery import Delivery, Planned, deliver
from simulator.osmand_forms import Form
from simulator.registration import Registration, register_devices
from simulator.walking.truth import Truth
from simulator.walking.walker import CENTRE, walk

__all__ = ["Crowd", "Simulated", "make_crowd", "simulate"]


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """People to be.

    Attributes:
        plans: reports in the order of leaving, by the phone's unique id; `due_s` already divided by the speed.
        truths: what really happened, by the phone's unique id.
    """

    plans: dict[str, list[Planned]]
    truths: dict[str, Truth]


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation sent, and the truth behind it."""

    delivery: Delivery
    registration: Registration
    truths: dict[str, Truth]


def make_crowd(
    people: int,
    hours: float,
    *,
    seed: int,
    now: datetime,
    speed: float = 1.0,
    device_prefix: str = "walker-",
    centre: tuple[float, float] = CENTRE,
) -> Crowd:
    """Make up people. Pure: the same arguments give the same people.

    Args:
        people: how many.
        hours: how long each is out, by their own clock.
        seed: of everything made up.
        now: the moment the sending begins.
        speed: their hours per hour of ours. Their clock is set so that the outing ends when its last report is sent:
            at speed 1 they walk now, at a higher speed they have walked, and nobody reports from the future.
        device_prefix: begins each unique id; seed and number follow.
        centre: latitude and longitude of their town.
    """
    began_at = now - timedelta(hours=hours - hours / speed)
    plans: dict[str, list[Planned]] = {}
    truths: dict[str, Truth] = {}
    for number in range(1, people + 1):
        unique_id = f"{device_prefix}{seed}-{number:04d}"
        walked = walk(unique_id, began_at, hours, centre=centre)
        plans[unique_id] = [Planned(due_s=report.due_s / speed, point=report.point) for report in walked.reports]
        truths[unique_id] = walked.truth
    return Crowd(plans=plans, truths=truths)


def simulate(
    crowd: Crowd,
    settings: Settings,
    *,
    form: Form = Form.JSON,
    register: bool = True,
    on_progress: Callable[[Delivery], None] | None = None,
    stopping: threading.Event | None = None,
) -> Simulated:
    """Let people walk, until all is sent or `stopping` is set. Traccar may come and go: the phones keep their reports.

    Args:
        crowd: from `make_crowd`.
        settings: where to, and how to sign in for registering.
        form: how reports are worded.
        register: create devices that Traccar does not know, where a sign-in is set.
        on_progress: called after each report.
        stopping: ends it early when set.

    Raises:
        TryAgain: Traccar did not answer while the phones were to be registered.
        FixConfiguration: Traccar refuses the sign-in.
    """
    registration = register_devices(crowd.plans, settings) if register else Registration(sentence="Registering is off.")
    delivery = deliver(crowd.plans, settings.osmand_address, form=form, on_progress=on_progress, stopping=stopping)
    return Simulated(delivery=delivery, registration=registration, truths=crowd.truths)
