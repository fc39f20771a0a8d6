"""Waiting for something to come true, and for a part to say what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.chaos.evidence import read_mongodb
from tests.chaos.line import Instance, Line

__all__ = ["wait_for_worker", "wait_until", "wait_until_published", "wait_until_stored", "wait_until_told"]

T = TypeVar("T")


def wait_until(ask: Callable[[], T], within_s: float = 60.0) -> T:
    """Ask until the answer is true, or not empty, and return it; fail when that takes too long."""
    deadline_s = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline_s, "it did not come true"
        time.sleep(0.1)
    return answer


def wait_for_worker(line: Line, part: str) -> Instance:
    """The instance of a part that works while others stand by, or the first of those that share the work."""
    return wait_until(lambda: [each for each in line.copies(part) if each.is_working])[0]


def wait_until_stored(line: Line) -> None:
    """Return once everything that Traccar has is in MongoDB."""
    wait_until(lambda: line.phones.due().keys() <= read_mongodb(line.settings).fixes.keys())


def wait_until_published(line: Line, within_s: float = 60.0) -> None:
    """Return once everything that Traccar has is on Kafka."""
    wait_until(lambda: line.phones.due().keys() <= {each.fix.fix_id for each in line.gather().published}, within_s)


def wait_until_told(instance: Instance, word: str, within_s: float = 60.0) -> None:
    """Return once the part's health says that it is not well, with this word in the sentence."""
    deadline_s = time.monotonic() + within_s
    while (said := instance.health()).get("healthy") is not False or word not in str(said["detail"]):
        assert time.monotonic() < deadline_s, f"{instance.name} says {said}"
        time.sleep(0.1)
