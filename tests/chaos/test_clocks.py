"""Named faults: wall clocks that jump by hours under bridge and producer, and nobody sets them right."""

from __future__ import annotations

from random import Random

import pytest

from tests.chaos.conftest import thorough
from tests.chaos.faults import killed
from tests.chaos.line import Line

pytestmark = pytest.mark.services

RANDOM = Random(4)  # noqa: S311 - what phones send


@thorough
@pytest.mark.parametrize("hours", [5, -5, 50, -50])
def test_clocks_that_jump(line: Line, hours: int) -> None:
    """They jump while all is well and while everything that is waited for is away: nothing is lost, nothing hangs."""
    if line.no_clocks:
        pytest.skip(line.no_clocks)

    def jump() -> None:
        for instance in line.instances.values():
            assert instance.clock is not None
            instance.clock.jump(hours * 3600)

    line.phones.send(RANDOM, 60, over_s=0.5)
    jump()
    line.phones.join()
    line.wait_whole()
    with killed(line.services["mongod"]), killed(line.services["kafka"]):
        line.phones.send(RANDOM, 60, over_s=0.5)
        line.phones.join()
        line.traccar.stop()
        jump()
    line.traccar.start()
    line.phones.send(RANDOM, 60, over_s=0.5)
    line.phones.join()
    line.wait_whole()
