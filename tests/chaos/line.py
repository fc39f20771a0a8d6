"""The line under test: a stand-in Traccar, MongoDB, Kafka, and parts that reach them through bad networks only."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kafka.errors import KafkaError
from pydantic import SecretStr
from pymongo.errors import PyMongoError

from infra.jars import jar_folder
from infra.java import java_home
from infra.kafka import kafka_program
from infra.mongod import mongod_program
from infra.parts import PARTS, PartInfo, health, part_program
from infra.process import Child, Program
from infra.workspace import Workspace
from itrack.errors import TryAgain
from itrack.kafka import ensure_topics
from itrack.settings import Settings
from simulator.stand_in.server import StandIn, stand_in_traccar
from tests.chaos.evidence import Evidence, FixesReader, TopicReader, read_mongodb
from tests.chaos.phones import Phones
from tests.chaos.verdict import find_problems
from tests.support.clock import JumpingClock, NoClock, build_clock
from tests.support.disk import NoDisk, SmallDisk, small_disk
from tests.support.line import own_settings
from tests.support.ports import free_ports
from tests.support.proxy import FINE, Network, Proxy

__all__ = ["Instance", "Line", "chaos_line"]

_REACHES = {"bridge": ("traccar", "mongodb"), "producer": ("mongodb", "kafka")}
_MIB_OF_DISKS = {"mongod": 192, "kafka": 64, "bridge": 16}
_QUICK = {"bridge_reconcile_s": 1.0, "bridge_doubt_s": 0.5, "bridge_silence_s": 4.0}
_KEEPALIVE_S = 0.5
_LOOK_S = 0.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Instance:
    """One running copy of a part, with a network, a disk and a clock of its own.

    Attributes:
        name: `bridge`, and `bridge-2` for the second.
        child: its process.
        url: of its metrics and health.
        ways: to what it reaches, by name; all its connections pass through these.
        clock: None where clocks cannot be made to jump.
    """

    name: str
    child: Child
    url: str
    ways: Mapping[str, Proxy]
    clock: JumpingClock | None

    def health(self) -> dict[str, object]:
        """What it says of itself; empty when it does not answer."""
        return health(self.url) or {}


class Line:
    """Everything that a fault can hit, and the evidence of what came of it.

    Attributes:
        settings: past all proxies.
        traccar: the stand-in.
        services: MongoDB and Kafka, by name.
        instances: the parts, by name.
        disks: small ones, by the name of the program that writes to them; empty where none can be mounted.
        no_disks, no_clocks: why there are none.
    """

    def __init__(self, settings: Settings, traccar: StandIn) -> None:
        self.settings = settings
        self.traccar = traccar
        self.phones = Phones(traccar)
        self.services: dict[str, Child] = {}
        self.instances: dict[str, Instance] = {}
        self.disks: dict[str, SmallDisk] = {}
        self.no_disks = self.no_clocks = ""
        self._fixes = FixesReader(settings)
        self._dead_letters = TopicReader(settings, settings.dead_letter_topic)
        self._letters: list[str] = []

    @property
    def children(self) -> dict[str, Child]:
        """Every process, by name."""
        return self.services | {name: each.child for name, each in self.instances.items()}

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
        self._letters += [repr(each.value[:300]) for each in self._dead_letters.read()]
        return Evidence(
            due=self.phones.due(),
            allowed=self.phones.allowed(),
            devices=self.phones.devices(),
            stored=read_mongodb(self.settings),
            published=self._fixes.read(),
            dead_letters=self._letters,
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
        return problems + [f"{name} says {each.get('detail')}" for name, each in said.items() if not each.get("healthy")]

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

    def counts(self) -> dict[str, int]:
        """How much went through."""
        evidence = self.gather()
        return {
            "accepted": self.phones.accepted,
            "stored": len(evidence.stored.fixes),
            "published": len(evidence.published),
            "doubled": len(evidence.published) - len(evidence.stored.fixes),
        }


@contextmanager
def chaos_line(
    folder: Path, downloads: Path, parts: Sequence[str] = ("bridge", "producer"), **overrides: object
) -> Iterator[Line]:
    """A running line.

    Args:
        folder: empty; for data and logs.
        downloads: where jars lie.
        parts: which are to run; name one several times for several instances.
        overrides: settings of the parts.
    """
    with ExitStack() as undo:
        traccar = undo.enter_context(stand_in_traccar(folder / "traccar", keepalive_s=_KEEPALIVE_S))
        home = folder / "line"
        home.mkdir()
        line = Line(own_settings(home, downloads), traccar)
        workspace = Workspace(line.settings)
        workspace.prepare()
        network = undo.enter_context(Network())
        _mount(line, workspace, folder, undo)
        producers = parts.count("producer")
        listeners = free_ports(producers)
        to_kafka = [network.proxy(each) for each in listeners]
        line.services["mongod"] = Child(_mongod(workspace, line.settings), folder)
        line.services["kafka"] = Child(_kafka(workspace, line.settings, listeners, to_kafka), folder)
        for child in line.services.values():
            undo.callback(child.stop)
            child.start()
        for child in line.services.values():
            child.wait_ready()
        ensure_topics(line.settings)
        clock = _clock(line, folder)
        for number, part in enumerate(parts):
            copy = parts[:number].count(part) + 1
            name = part if copy == 1 else f"{part}-{copy}"
            targets = {"traccar": traccar.web_port, "mongodb": line.settings.mongodb_port}
            ways = {
                each: to_kafka.pop() if each == "kafka" else network.proxy(targets[each]) for each in _REACHES[part]
            }
            instance = _instance(name, part, line, ways, folder, clock, overrides)
            line.instances[name] = instance
            undo.callback(instance.child.stop)
            instance.child.start()
        for instance in line.instances.values():
            instance.child.wait_ready()
        undo.callback(line.phones.close)
        yield line


def _instance(
    name: str, part: str, line: Line, ways: Mapping[str, Proxy], folder: Path, clock: Path | None, overrides: object
) -> Instance:
    info = next(each for each in PARTS if each.name == part)
    home = folder / f"home-of-{name}"
    home.mkdir(exist_ok=True)
    (port,) = free_ports(1)
    addresses: dict[str, object] = {
        "mongodb_uri": SecretStr(f"mongodb://127.0.0.1:{ways['mongodb'].port}/?directConnection=true"),
        "home": home,
        info.port_setting: port,
    }
    if "traccar" in ways:
        addresses["traccar_url"] = f"http://127.0.0.1:{ways['traccar'].port}"
        addresses["traccar_token"] = SecretStr(line.traccar.token)
    if "kafka" in ways:
        addresses["kafka_bootstrap"] = f"127.0.0.1:{ways['kafka'].port}"
    settings = line.settings.model_copy(update={**_QUICK, **addresses, **dict(overrides)})
    program = dataclasses.replace(part_program(info, settings), name=name)
    jumping = JumpingClock(clock, folder / f"clock-of-{name}") if clock is not None else None
    if jumping is not None:
        program = dataclasses.replace(program, environment={**program.environment, **jumping.environment})
    return Instance(
        name=name, child=Child(program, folder), url=info.url(settings), ways=ways, clock=jumping
    )


def _mount(line: Line, workspace: Workspace, folder: Path, undo: ExitStack) -> None:
    folders = {"mongod": workspace.data / "mongodb", "kafka": workspace.data / "kafka", "bridge": folder / "home-of-bridge"}
    try:
        for name, where in folders.items():
            line.disks[name] = undo.enter_context(small_disk(where, _MIB_OF_DISKS[name]))
    except NoDisk as error:
        line.no_disks = str(error)


def _clock(line: Line, folder: Path) -> Path | None:
    try:
        return build_clock(folder)
    except NoClock as error:
        line.no_clocks = str(error)
        return None


def _mongod(workspace: Workspace, settings: Settings) -> Program:
    """As ever, but with a small journal, and looking for room on the disk every second."""
    program = mongod_program(workspace, settings)
    small = ["--syncdelay", "1", "--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=4MB)"]
    return dataclasses.replace(program, argv=[*program.argv, *small])


def _kafka(workspace: Workspace, settings: Settings, listeners: Sequence[int], proxies: Sequence[Proxy]) -> Program:
    """As ever, but with a listener for each producer, whose proxy is what the broker tells it to connect to.

    A broker that was killed is let in again after its session has ended: after one second instead of nine.
    """
    program = kafka_program(workspace, settings, java_home(settings), jar_folder(workspace, "kafka"))
    names = [f"WAY{number}" for number in range(len(listeners))]
    plain = f"PLAINTEXT://127.0.0.1:{settings.kafka_port}"
    listen = [f"{name}://127.0.0.1:{port}" for name, port in zip(names, listeners, strict=True)]
    advertise = [f"{name}://127.0.0.1:{proxy.port}" for name, proxy in zip(names, proxies, strict=True)]
    protocols = [f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *names)]
    controller = f"CONTROLLER://127.0.0.1:{settings.kafka_controller_port}"
    with Path(program.argv[-1]).open("a") as properties:  # the last word on a property counts
        properties.write(
            f"listeners={','.join([plain, *listen, controller])}\n"
            f"advertised.listeners={','.join([plain, *advertise])}\n"
            f"listener.security.protocol.map={','.join(protocols)}\n"
            "inter.broker.listener.name=PLAINTEXT\n"
            "broker.session.timeout.ms=1000\n"
            "broker.heartbeat.interval.ms=300\n"
        )
    return program
