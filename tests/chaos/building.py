"""Building a line: every part behind proxies, on small disks, with a clock of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import SecretStr

from infra.parts import PARTS, part_program
from infra.process import Child
from infra.workspace import Workspace
from itrack.kafka import ensure_topics
from simulator.stand_in.server import stand_in_traccar
from tests.chaos.line import Instance, Line
from tests.chaos.services import kafka_behind, small_mongod
from tests.support.clock import JumpingClock, NoClock, build_clock
from tests.support.disk import NoDisk, small_disk
from tests.support.line import own_settings
from tests.support.ports import free_ports
from tests.support.proxy import Network, Proxy

__all__ = ["QUICK", "chaos_line"]

_REACHES = {"bridge": ("traccar", "mongodb"), "producer": ("mongodb", "kafka")}
_MIB_OF_DISKS = {"mongod": 192, "kafka": 64, "bridge": 16}
_SLOTS = 3
"""More than producers, so that one works on several."""
QUICK = {"bridge_reconcile_s": 1.0, "bridge_doubt_s": 0.5, "bridge_silence_s": 4.0}
"""Settings with which a bridge notices within seconds what it notices within a minute or two otherwise."""
_KEEPALIVE_S = 0.5


@contextmanager
def chaos_line(folder: Path, downloads: Path, parts: Sequence[str]) -> Iterator[Line]:
    """A running line.

    Args:
        folder: empty; for data and logs.
        downloads: where jars lie.
        parts: which are to run; one that is named several times has several instances.
    """
    names = _names(parts)
    with ExitStack() as undo:
        traccar = undo.enter_context(stand_in_traccar(folder / "traccar", keepalive_s=_KEEPALIVE_S))
        (folder / "line").mkdir()
        line = Line(own_settings(folder / "line", downloads), folder, traccar)
        workspace = Workspace(line.settings)
        workspace.prepare()
        _mount_disks(line, workspace, names, undo)
        ways = _make_ways(line, names, undo.enter_context(Network()))
        to_kafka = [each["kafka"] for each in ways.values() if "kafka" in each]
        line.services["mongod"] = Child(small_mongod(workspace, line.settings), folder)
        line.services["kafka"] = Child(kafka_behind(to_kafka, workspace, line.settings), folder)
        _start(line.services.values(), undo)
        ensure_topics(line.settings)
        line.instances |= {name: _instance(line, name, part, ways[name]) for name, part in names.items()}
        _give_clocks(line)
        _start([each.child for each in line.instances.values()], undo)
        undo.callback(line.phones.close)
        yield line


def _names(parts: Sequence[str]) -> dict[str, str]:
    """The part of each instance, by the instance's name."""
    copies = [parts[: number + 1].count(part) for number, part in enumerate(parts)]
    return {part if copy == 1 else f"{part}-{copy}": part for part, copy in zip(parts, copies, strict=True)}


def _mount_disks(line: Line, workspace: Workspace, names: Mapping[str, str], undo: ExitStack) -> None:
    homes = {name: _home(line, name) for name, part in names.items() if part == "bridge"}
    folders = {"mongod": workspace.data / "mongodb", "kafka": workspace.data / "kafka", **homes}
    try:
        for name, where in folders.items():
            size_mib = _MIB_OF_DISKS[names.get(name, name)]
            line.disks[name] = undo.enter_context(small_disk(where, size_mib))
    except NoDisk as error:
        line.no_disks = str(error)


def _home(line: Line, name: str) -> Path:
    return line.folder / f"home-of-{name}"


def _make_ways(line: Line, names: Mapping[str, str], network: Network) -> dict[str, dict[str, Proxy]]:
    """A proxy for each pair, by instance and peer.

    Kafka has a listener for each, on a port of its own. Bridges share the way to Traccar: they are to have the same
    address of it.
    """
    to_traccar = network.proxy(line.traccar.web_port)
    make = {
        "traccar": lambda: to_traccar,
        "mongodb": lambda: network.proxy(line.settings.mongodb_port),
        "kafka": lambda: network.proxy(free_ports(1)[0]),
    }
    return {name: {peer: make[peer]() for peer in _REACHES[part]} for name, part in names.items()}


def _instance(line: Line, name: str, part: str, ways: Mapping[str, Proxy]) -> Instance:
    info = next(each for each in PARTS if each.name == part)
    home = _home(line, name)
    home.mkdir(exist_ok=True)
    own: dict[str, object] = {
        info.port_setting: free_ports(1)[0],
        "producer_slots": _SLOTS,
        "home": home,
        "mongodb_uri": SecretStr(f"mongodb://127.0.0.1:{ways['mongodb'].port}/?directConnection=true"),
    }
    if "traccar" in ways:
        own["traccar_url"] = f"http://127.0.0.1:{ways['traccar'].port}"
        own["traccar_token"] = SecretStr(line.traccar.token)
    if "kafka" in ways:
        own["kafka_bootstrap"] = f"127.0.0.1:{ways['kafka'].port}"
    settings = line.settings.model_copy(update={**QUICK, **own})
    program = dataclasses.replace(part_program(info, settings), name=name)
    return Instance(part=part, name=name, child=Child(program, line.folder), url=info.url(settings), ways=ways)


def _give_clocks(line: Line) -> None:
    """Have every instance started with a clock that can jump."""
    try:
        library = build_clock(line.folder)
    except NoClock as error:
        line.no_clocks = str(error)
        return
    for instance in line.instances.values():
        clock = JumpingClock(library, line.folder / f"clock-of-{instance.name}")
        program = instance.child.program
        instance.child.program = dataclasses.replace(program, environment={**program.environment, **clock.environment})
        instance.clock = clock


def _start(children: Collection[Child], undo: ExitStack) -> None:
    for child in children:
        undo.callback(child.stop)
        child.start()
    for child in children:
        child.wait_ready()
