"""Looks at everything the local stack needs and says what is wrong and what to do: `itrack doctor`."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.jars import PROGRAMS, locked_jars
from infra.java import java_home
from infra.mongod import mongod_binary
from infra.parts import PARTS, health
from infra.process import require_free_port
from infra.status import status
from infra.workspace import Workspace
from itrack.errors import ITrackError
from itrack.settings import Settings

__all__ = ["Finding", "examine"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: in a few words.
        problem: a sentence that says what to do about it; None when all is well.
        seen: what was found, for the reader's eyes.
    """

    what: str
    seen: str = ""
    problem: str | None = None


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at one thing after the other. Nothing is started and nothing is changed but empty folders."""
    workspace = Workspace(settings)
    yield Finding("Python", f"{platform.python_version()} in {sys.prefix}")
    yield _try("folder", lambda: _writable(workspace))
    yield _try("Java", lambda: str(java_home(settings)))
    if settings.mongodb_uri is None:
        yield _try("mongod", lambda: str(mongod_binary()))
    for program in PROGRAMS:
        folder = workspace.jars / program
        count = len(list(folder.glob("*.jar"))) if folder.exists() else 0
        yield Finding(
            f"jars of {program}", f"{count} of {len(locked_jars(program))} (the rest is fetched at the start)"
        )
    now = status(settings)
    for name, service in now["services"].items():
        if service["running"]:
            yield Finding(name, f"answers at {service['address']}")
        else:
            yield _port_finding(name, settings)
    for part in PARTS:
        answer = health(part.url(settings))
        if answer is None:
            yield _port_finding(part.name, settings)
        elif answer.get("healthy"):
            yield Finding(part.name, str(answer.get("detail")))
        else:
            yield Finding(part.name, problem=f"It runs but is not well: {answer.get('detail')}")


_PORTS = {
    "mongodb": "mongodb_port",
    "kafka": "kafka_port",
    "s3": "s3_port",
    "traccar": "traccar_port",
    **{part.name: part.port_setting for part in PARTS},
}


def _writable(workspace: Workspace) -> str:
    workspace.prepare()
    return str(workspace.root)


def _port_finding(name: str, settings: Settings) -> Finding:
    setting = _PORTS[name]
    port = getattr(settings, setting)

    def look() -> str:
        require_free_port(port, name, f"ITRACK_{setting.upper()}")
        return f"not running; its port {port} is free"

    return _try(name, look)


def _try(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, look())
    except ITrackError as error:
        return Finding(what, problem=str(error))
