"""The line under test: a stand-in Traccar, MongoDB, Kafka, and parts that reach them through bad networks only."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kafka.errors import KafkaError
from pymongo.errors import PyMongoError

from infra.parts import health
from infra.process import Child
from itrack.settings import Settings
from simulator.stand_in.server import StandIn
from tests.chaos.evidence import Evidence, FixesReader, TopicReader, read_mongodb
from tests.chaos.phones import Phones
from tests.chaos.verdict import find_problems
from tests.support.clock import JumpingClock
from tests.support.disk import SmallDisk
from tests.support.proxy import Proxy

__all__ = ["Instance", "Line"]

_LOOK_S = 0.3


@dataclasses.dataclass(kw_only=True)
class Instance:
    """One running copy of a part, with a network, a disk and a clock of its own.

    Attributes:
        part: what it is a copy of, such as `bridge`.
        name: the part's, and `bridge-2` for the second.
        child: its process.
        url: of its metrics and health.
        ways: to what it reaches, by name; all its connections pass through these.
        clock: None where clocks cannot be made to jump.
    """

    part: str
    name: str
    child: Child
    url: str
    ways: Mapping[str, Proxy]
    clock: JumpingClock | None = None

    def health(self) -> dict[str, object]:
        """What it says of itself; empty when it does not answer."""
        return health(self.url) or {}

    @property
    def is_working(self) -> bool:
        """True when it says that it is well and does not stand by for another one."""
        said = self.health()
        return bool(said.get("healthy")) and "standing by" not in str(said.get("detail"))


class Line:
    """Everything that a fault can hit, and the evidence of what came of it.

    Attributes:
        settings: past all proxies.
        folder: of logs and all that is written.
        traccar: the stand-in.
        services: MongoDB and Kafka, by name.
        instances: the parts, by name.
        disks: small ones, by the name of the program that writes to them; empty where none can be mounted.
        no_disks, no_clocks: why there are none.
    """

    def __init__(self, settings: Settings, folder: Path, traccar: StandIn) -> None:
        self.settings = settings
        self.folder = folder
        self.traccar = traccar
        self.phones = Phones(traccar)
        self.services: dict[str, Child] = {}
        self.instances: dict[str, Instance] = {}
        self.disks: dict[str, SmallDisk] = {}
        self.no_disks = self.no_clocks = ""
        self._fixes = FixesReader(settings)
        self._dead_letters = TopicReader(settings, settings.dead_letter_topic)
        self._letters: list[str] = []
        self._unordered: set[str] = set()
        self._is_rereading = False

    @property
    def children(self) -> dict[str, Child]:
        """Every process, by name."""
        return self.services | {name: each.child for name, each in self.instances.items()}

    def copies(self, part: str) -> list[Instance]:
        """All instances of a part."""
        return [each for each in self.instances.values() if each.part == part]

    def revive(self) -> None:
        """Start services that have died, as whoever runs them would; a part must not die."""
        for child in self.services.values():
            if child.pid is None:
                child.start()
        for each in self.instances.values():
            each.child.require_alive()

    def gather(self) -> Evidence:
        """What there is now.

        Raises:
            PyMongoError, KafkaError: something is away.
        """
        stored = read_mongodb(self.settings)
        if self._is_rereading:
            self._unordered |= stored.fixes.keys()
        self._letters += [repr(each.value[:300]) for each in self._dead_letters.read()]
        return Evidence(
            due=self.phones.due(),
            allowed=self.phones.allowed(),
            devices=self.phones.devices(),
            stored=stored,
            published=self._fixes.read(),
            dead_letters=self._letters,
            unordered=self._unordered,
        )

    def problems(self) -> list[str]:
        """What is not as it has to be, now: the verdict on the evidence, and parts that are not well."""
        if away := [name for name, child in self.services.items() if not child.program.is_ready()]:
            return [f"{' and '.join(away)} not ready"]
        try:
            problems = find_problems(self.gather())
        except (PyMongoError, KafkaError) as error:
            return [f"{type(error).__name__}: {str(error)[:200]}"]
        said = {name: each.health() for name, each in self.instances.items()}
        return problems + [
            f"{name} says {each.get('detail')}" for name, each in said.items() if not each.get("healthy")
        ]

    def wait_whole(self, within_s: float = 120.0) -> float:
        """Wait until nothing is wrong; how long that took.

        Raises:
            AssertionError: something still is.
        """
        began_s = time.monotonic()
        while problems := self.problems():
            self.revive()
            assert time.monotonic() < began_s + within_s, "; ".join(problems)
            time.sleep(_LOOK_S)
        return time.monotonic() - began_s

    @contextmanager
    def rereading(self) -> Iterator[None]:
        """Inside, the producer reads the collection itself: the order of what is stored by the end is not looked at."""
        self._is_rereading = True
        try:
            yield
        finally:
            self._is_rereading = False

    def counts(self) -> dict[str, int]:
        """How much went through."""
        evidence = self.gather()
        return {
            "accepted": self.phones.accepted,
            "stored": len(evidence.stored.fixes),
            "published": len(evidence.published),
            "doubled": len(evidence.published) - len(evidence.stored.fixes),
        }
