"""The Java programs of the local stack, by Maven coordinates, each file held to a hash in `jars.lock.toml`.

`itrack stack` and the analytics call `jar_folder`; it downloads what is missing, a few files at a time, checks
every hash and leaves one folder of jars a program. `python -m infra.jars` resolves the graphs anew and writes the
lock (`make lock`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.maven import Artifact, MavenContext

from infra.workspace import Workspace
from itrack.errors import FixConfiguration, TryAgain
from itrack.settings import Settings

__all__ = ["BENCHMARK_PROGRAMS", "LOCK_FILE", "PROGRAMS", "jar_folder", "locked_jars", "spark_jars", "write_lock"]

LOCK_FILE = Path(__file__).with_name("jars.lock.toml")

PROGRAMS = {
    "kafka": "org.apache.kafka:kafka_2.13:4.1.1",
    "spark": "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0",
    "s3proxy": "org.gaul:s3proxy:4.1.0",
}
"""What is resolved for each program. The Spark connector's version equals pyspark's."""

BENCHMARK_PROGRAMS = {
    "kafka-connect": (
        "org.apache.kafka:connect-runtime:4.1.1+org.mongodb:mongodb-driver-sync:4.7.2"
        "+com.fasterxml.jackson.core:jackson-core:2.19.0+org.slf4j:slf4j-simple:1.7.36"
        "+org.mongodb.kafka:mongo-kafka-connect:2.0.1"
    ),
}
"""Peers that only benchmarks start, and fetch. What a peer leaves open (a range, an older part) is named beside it."""

OnProgress = Callable[[int, int], None]
"""Called with the number of jars in place and the number of jars wanted."""


def jar_folder(workspace: Workspace, program: str, on_progress: OnProgress | None = None) -> Path:
    """The folder that holds exactly the locked jars of `program`, filled when it is not.

    Raises:
        TryAgain: a jar could not be downloaded.
        FixConfiguration: a downloaded jar is not the one in the lock.
    """
    wanted = locked_jars(program)
    folder = workspace.jars / program
    stamp = folder / ".complete"
    fingerprint = hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return folder
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    context = MavenContext(repo_cache=workspace.jars / "repository", timeout=60)

    def place(coordinate: str) -> None:
        path = _download(context, coordinate, wanted[coordinate])
        os.link(path, folder / path.name)

    with ThreadPoolExecutor(max_workers=8) as pool:
        for done, _ in enumerate(pool.map(place, wanted), start=1):
            if on_progress is not None:
                on_progress(done, len(wanted))
    stamp.write_text(fingerprint)
    return folder


def spark_jars(settings: Settings) -> list[Path]:
    """The jars that Spark needs beside its own to read Kafka, downloaded where they are missing.

    Raises:
        TryAgain, FixConfiguration: as `jar_folder`.
    """
    return sorted(jar_folder(Workspace(settings), "spark").glob("*.jar"))


def locked_jars(program: str) -> dict[str, str]:
    """SHA-256 by coordinate (`group:artifact:version`) of every jar of `program`."""
    return dict(tomllib.loads(LOCK_FILE.read_text())[program])


def write_lock() -> None:
    """Resolve every program anew and write the lock, leaving out what pyspark itself ships."""
    import pyspark

    shipped = {path.name for path in (Path(pyspark.__file__).parent / "jars").glob("*.jar")}
    shipped_names = {name.rpartition("-")[0] for name in shipped}
    lines = ["# Written by `make lock`; do not edit. SHA-256 of each jar by its Maven coordinates.\n"]
    for program, coordinate in {**PROGRAMS, **BENCHMARK_PROGRAMS}.items():
        artifacts = _resolve(coordinate)
        if program == "spark":
            artifacts = [each for each in artifacts if each.artifactId not in shipped_names]
        lines.append(f"\n[{program}]\n")
        for artifact in sorted(artifacts, key=lambda each: (each.groupId, each.artifactId)):
            digest = _sha256(artifact.resolve())
            lines.append(f'"{artifact.groupId}:{artifact.artifactId}:{artifact.version}" = "{digest}"\n')
    LOCK_FILE.write_text("".join(lines))


def _resolve(coordinate: str) -> list[Artifact]:
    import jgo

    artifacts: list[Artifact] = jgo.resolve(coordinate)
    return artifacts


def _download(context: MavenContext, coordinate: str, sha256: str) -> Path:
    group, artifact, version = coordinate.split(":")
    try:
        path: Path = context.project(group, artifact).at_version(version).artifact().resolve()
    except Exception as error:  # jgo lets through whatever its HTTP client raises
        raise TryAgain(
            f"The jar {coordinate} could not be downloaded ({error}). Check the network and start again: "
            "what is already there is kept."
        ) from error
    if _sha256(path) != sha256:
        path.unlink()
        raise FixConfiguration(
            f"The jar {coordinate} that was downloaded is not the one in {LOCK_FILE.name}. It was deleted; start "
            "again, and if it happens again, find out who changed it before you trust it."
        )
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    write_lock()
    print(f"wrote {LOCK_FILE}", file=sys.stderr)  # noqa: T201 - a maintainer's command
