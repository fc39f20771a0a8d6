"""Named faults: full disks, of MongoDB, Kafka and the bridge."""

from __future__ import annotations

from random import Random

import pytest

from tests.chaos.conftest import thorough
from tests.chaos.faults import full_disk, killed
from tests.chaos.line import Line
from tests.chaos.waiting import wait_for_worker, wait_until, wait_until_told
from tests.support.disk import SmallDisk

pytestmark = pytest.mark.services

RANDOM = Random(3)  # noqa: S311 - what phones send


def disk_of(line: Line, name: str) -> SmallDisk:
    if line.no_disks:
        pytest.skip(f"no disk to fill: {line.no_disks}")
    return line.disks[name]


@thorough
@pytest.mark.parametrize(("name", "parts"), [("mongod", ("bridge", "producer")), ("kafka", ("producer",))])
def test_full_disk_of_a_service(line: Line, name: str, parts: tuple[str, ...]) -> None:
    """It dies on a full disk and at each start until there is room: parts say so, and lose nothing it had accepted."""
    service = line.services[name]
    witnesses = [wait_for_worker(line, part) for part in parts]
    with full_disk(disk_of(line, name)):
        line.phones.send(RANDOM, 100, over_s=1.0)
        wait_until(lambda: service.pid is None)
        for witness in witnesses:
            wait_until_told(witness, "MongoDB" if name == "mongod" else "Kafka")
        line.phones.join()
        line.phones.send(RANDOM, 100, over_s=1.0)
        service.start()
        wait_until(lambda: service.pid is None)
        line.phones.join()
    line.revive()
    line.wait_whole()


@thorough
def test_full_disk_of_the_bridge(line: Line) -> None:
    """With no room for what it keeps while MongoDB is away, a bridge gets it from Traccar afterwards."""
    bridge = wait_for_worker(line, "bridge")
    with full_disk(disk_of(line, bridge.name)), killed(line.services["mongod"]):
        line.phones.send(RANDOM, 300, over_s=1.0)
        wait_until_told(bridge, "MongoDB")
        line.phones.join()
    line.wait_whole()
