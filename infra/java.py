"""Finding a JDK that Spark and Kafka can run on, and fetching one where there is none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cjdk

from infra.workspace import Workspace
from itrack.errors import FixConfiguration
from itrack.settings import Settings

__all__ = ["LEAST_JAVA", "java_home"]

LEAST_JAVA = 17
_VECTOR_MODULE = "jdk.incubator.vector"
_HOW_TO_INSTALL = (
    f"Install a JDK of version {LEAST_JAVA} or newer (Debian, Ubuntu: `sudo apt-get install openjdk-17-jdk-headless`; "
    "Fedora: `sudo dnf install java-21-openjdk-devel`), or set ITRACK_JAVA_HOME to one."
)


def java_home(settings: Settings) -> Path:
    """The home folder of a JDK that has all that Spark needs.

    Looks at `ITRACK_JAVA_HOME`, `JAVA_HOME`, `java` on PATH, and the one fetched before, in this order; fetches
    one into `ITRACK_HOME` where none of them serves.

    Raises:
        FixConfiguration: there is none and none could be fetched; the message names the command that installs it.
    """
    if settings.java_home is not None:
        problem = _problem_of(settings.java_home)
        if problem:
            raise FixConfiguration(f"ITRACK_JAVA_HOME is {settings.java_home}, but {problem}. {_HOW_TO_INSTALL}")
        return settings.java_home
    problems = []
    for home in _installed():
        problem = _problem_of(home)
        if not problem:
            return home
        problems.append(f"{home}: {problem}")
    return _fetch(Workspace(settings), problems)


def _installed() -> Iterator[Path]:
    from_environment = os.environ.get("JAVA_HOME")
    if from_environment:
        yield Path(from_environment)
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent


@cache
def _problem_of(home: Path) -> str | None:
    """What keeps this Java from running the stack, None when nothing does."""
    java = home / "bin" / "java"
    if not java.exists():
        return f"there is no {java}"
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', answer)
    if not version or int(version[1]) < LEAST_JAVA:
        return f"it is not Java {LEAST_JAVA} or newer"
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False).stdout
    if _VECTOR_MODULE not in modules:
        return f"it lacks the module {_VECTOR_MODULE}, as small run-time images do"
    return None


def _fetch(workspace: Workspace, problems: list[str]) -> Path:
    seen = f" Looked at {'; '.join(problems)}." if problems else ""
    try:
        return Path(cjdk.java_home(vendor="temurin", version="17", cache_dir=workspace.root / "java"))
    except Exception as error:  # cjdk lets through whatever its HTTP client raises
        raise FixConfiguration(
            f"No Java that serves was found, and none could be fetched ({type(error).__name__}).{seen} "
            f"{_HOW_TO_INSTALL}"
        ) from error
