"""Named faults: the one of several instances that works dies, freezes or is cut off, and another goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from random import Random

import pytest

from tests.chaos.conftest import thorough
from tests.chaos.faults import frozen, killed, weather
from tests.chaos.line import Instance, Line
from tests.chaos.waiting import wait_for_worker, wait_until_stored
from tests.support.weather import BOTH_WAYS, Weather

pytestmark = pytest.mark.services

RANDOM = Random(5)  # noqa: S311 - what phones send
TAKES_OVER_WITHIN_S = 30.0
"""Of which the lease is 6; the rest is for a busy machine."""

ENDS: dict[str, Callable[[Instance], AbstractContextManager[None]]] = {
    "killed": lambda bridge: killed(bridge.child),
    "frozen": lambda bridge: frozen(bridge.child),
    "cut off": lambda bridge: weather(bridge.ways["mongodb"], Weather(swallow=BOTH_WAYS)),
}


@thorough
@pytest.mark.parametrize("end", ENDS)
def test_another_bridge_goes_on(line: Line, end: str) -> None:
    """What phones send after a bridge's end is stored by another one before it comes back, and then by one of them."""
    bridge = wait_for_worker(line, "bridge")
    with ENDS[end](bridge):
        line.phones.send(RANDOM, 100, over_s=1.0)
        line.phones.join()
        wait_until_stored(line, TAKES_OVER_WITHIN_S)
        assert wait_for_worker(line, "bridge") is not bridge
        line.phones.send(RANDOM, 100, over_s=1.0)
    line.phones.join()
    line.wait_whole()
