"""Every fault that a round may bring. One more is a line in `all_faults`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random

from infra.process import Child
from tests.chaos.line import Instance, Line
from tests.support.clock import JumpingClock
from tests.support.disk import SmallDisk
from tests.support.proxy import Proxy
from tests.support.weather import BAD_WEATHER, FINE, Weather

__all__ = ["Fault", "all_faults", "choose", "frozen", "full_disk", "jumped", "kill", "killed", "weather"]

_JUMPS_H = {"ahead": 3, "far ahead": 29, "back": -3, "far back": -29}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong and is mended again.

    Attributes:
        name: for the tally, such as `kill bridge`.
        victim: whom it hits; a round hits nobody twice.
        strike: a context manager; leaving it mends.
        weight: how often it comes, beside others.
    """

    name: str
    victim: str
    strike: Callable[[], AbstractContextManager[None]]
    weight: float = 1.0


def all_faults(line: Line) -> list[Fault]:
    """Every fault that this line on this machine can have."""
    faults = [Fault(name="restart Traccar", victim="traccar", strike=partial(traccar_away, line), weight=4)]
    for name, child in line.children.items():
        faults += [
            Fault(name=f"kill {name}", victim=name, strike=partial(killed, child), weight=4),
            Fault(name=f"freeze {name}", victim=name, strike=partial(frozen, child), weight=4),
        ]
    for name, disk in line.disks.items():
        faults.append(Fault(name=f"full disk of {name}", victim=name, strike=partial(full_disk, disk), weight=2))
    pairs: dict[Proxy, str] = {}
    for name, each in line.instances.items():
        for peer, proxy in each.ways.items():
            pairs.setdefault(proxy, f"{name}-{peer}")  # several bridges share one way to Traccar
    for proxy, pair in pairs.items():
        faults += _faults_of_network(proxy, pair)
    for instance in line.instances.values():
        faults += _faults_of_clock(instance)
    return faults


def _faults_of_clock(instance: Instance) -> list[Fault]:
    name, clock = instance.name, instance.clock
    if clock is None:
        return []
    return [
        Fault(name=f"clock of {name} {word}", victim=name, strike=partial(jumped, clock, hours))
        for word, hours in _JUMPS_H.items()
    ]


def _faults_of_network(proxy: Proxy, pair: str) -> list[Fault]:
    strikes = {"cut": partial(broken, proxy.cut), "reset": partial(broken, proxy.reset)}
    strikes |= {word: partial(weather, proxy, bad) for word, bad in BAD_WEATHER.items()}
    return [Fault(name=f"{word} {pair}", victim=pair, strike=strike, weight=0.5) for word, strike in strikes.items()]


def choose(random: Random, faults: list[Fault]) -> list[Fault]:
    """One fault, or two or three on different victims that come together."""
    chosen: list[Fault] = []
    for _ in range(random.choice([1, 1, 2, 2, 3])):
        hit = {each.victim for each in chosen}
        left = [each for each in faults if each.victim not in hit]
        if left:
            chosen += random.choices(left, [each.weight for each in left])
    return chosen


def kill(child: Child) -> None:
    """SIGKILL, and wait until it is gone."""
    child.require_alive()
    os.kill(child.pid, signal.SIGKILL)
    while child.pid is not None:
        time.sleep(0.01)


@contextmanager
def killed(child: Child) -> Iterator[None]:
    """Kill it; start it again in the end."""
    if child.pid is not None:
        kill(child)
    try:
        yield
    finally:
        child.start()


@contextmanager
def frozen(child: Child) -> Iterator[None]:
    """Let it do nothing (SIGSTOP)."""
    pid = child.pid
    if pid is not None:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if pid is not None:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def traccar_away(line: Line) -> Iterator[None]:
    """Stop Traccar, which forgets what it has answered with 200 and not stored; start it in the end."""
    line.traccar.stop()
    try:
        yield
    finally:
        line.traccar.start()


@contextmanager
def full_disk(disk: SmallDisk) -> Iterator[None]:
    """Leave no room; make some in the end."""
    disk.fill()
    try:
        yield
    finally:
        disk.make_room()


@contextmanager
def jumped(clock: JumpingClock, hours: int) -> Iterator[None]:
    """Set a clock once; nobody sets it right."""
    clock.jump(hours * 3600)
    yield


@contextmanager
def weather(proxy: Proxy, bad: Weather) -> Iterator[None]:
    """Bad weather for the connections of one pair."""
    proxy.set(bad)
    try:
        yield
    finally:
        proxy.set(FINE)


@contextmanager
def broken(act: Callable[[], None]) -> Iterator[None]:
    """End all connections at once; new ones are well."""
    act()
    yield
