"""Named faults: one of several instances dies, freezes or is cut off, and another goes on with its work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from random import Random

import pytest

from tests.chaos.conftest import PARTS, thorough
from tests.chaos.faults import frozen, killed, weather
from tests.chaos.line import Instance, Line
from tests.chaos.waiting import wait_for_worker, wait_until_published
from tests.support.weather import BOTH_WAYS, Weather

pytestmark = pytest.mark.services

RANDOM = Random(5)  # noqa: S311 - what phones send
SEVERAL = sorted({part for part in PARTS if PARTS.count(part) > 1})
TAKEN_OVER_WITHIN_S = 30.0
"""Of which leases are 6; the rest is for a busy machine."""

ENDS: dict[str, Callable[[Instance], AbstractContextManager[None]]] = {
    "killed": lambda instance: killed(instance.child),
    "frozen": lambda instance: frozen(instance.child),
    "cut off": lambda instance: weather(instance.ways["mongodb"], Weather(swallow=BOTH_WAYS)),
}


@thorough
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("part", SEVERAL)
def test_another_one_goes_on(line: Line, part: str, end: str) -> None:
    """What phones send after an instance's end comes through before it is back; then they share the work again."""
    with ENDS[end](wait_for_worker(line, part)):
        line.phones.send(RANDOM, 100, over_s=1.0)
        line.phones.join()
        wait_until_published(line, TAKEN_OVER_WITHIN_S)
        line.phones.send(RANDOM, 100, over_s=1.0)
    line.phones.join()
    line.wait_whole()
