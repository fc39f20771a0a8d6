"""What every test may use: the real local stack, started once for the run, and real recorded tracks."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from infra.jars import PROGRAMS, jar_folder
from infra.parts import PARTS, part_program
from infra.process import Child
from infra.stack import LocalStack
from infra.workspace import Workspace
from itrack.kafka import ensure_topics
from itrack.mongo import ensure_indexes, open_database
from itrack.s3 import ensure_bucket, open_s3
from itrack.settings import Settings, load_settings
from tests.support.line import own_settings
from tests.support.ports import free_ports

ROOT = Path(__file__).parent.parent
SERVICE_PORTS = {"mongodb_port", "kafka_port", "kafka_controller_port", "s3_port"}
REAL_TRACKS = ROOT.parent / "shared" / "data" / "real_tracks.csv.gz"

hypothesis.settings.register_profile("itrack", deadline=None)  # a busy machine is no defect
hypothesis.settings.load_profile("itrack")


@pytest.fixture(scope="session", autouse=True)
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The developer's home folder of I-Track, for what was downloaded there; all their other settings are gone.

    A developer may have set the address of a real MongoDB or Traccar, in the environment or in `.env`. Neither the
    tests nor the programs they start hear of it: they run without these variables, in a folder without `.env`.
    """
    theirs = load_settings()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith("ITRACK_")]:
            patch.delenv(name)
        if theirs.java_home is not None:
            patch.setenv("JAVA_HOME", str(theirs.java_home))
        home = theirs.home.expanduser().resolve()
        patch.chdir(tmp_path_factory.mktemp("without-settings"))
        yield home


@pytest.fixture(scope="session")
def jars(downloads: Path) -> Path:
    """The folder of the jars, all of them there, so that no program's start waits for a download."""
    workspace = Workspace(load_settings(home=downloads))
    for program in PROGRAMS:
        jar_folder(workspace, program)
    return workspace.jars


@pytest.fixture(scope="session")
def stack_settings(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Settings]:
    """The running stack on free ports, with data of its own."""
    settings = own_settings(tmp_path_factory.mktemp("stack"), downloads)
    with LocalStack(settings):
        yield settings


@pytest.fixture
def settings(stack_settings: Settings) -> Iterator[Settings]:
    """The running stack as one test sees it: an empty database, topics and a bucket that are its own."""
    mine = f"t{uuid.uuid4().hex[:10]}"
    ports_of_parts = [name for name in Settings.model_fields if name.endswith("_port") and name not in SERVICE_PORTS]
    settings = stack_settings.model_copy(
        update={
            "mongodb_database": mine,
            "fixes_topic": f"{mine}.fixes",
            "events_topic": f"{mine}.events",
            "dead_letter_topic": f"{mine}.dead-letter",
            "s3_bucket": f"{mine}-data",
            **dict(zip(ports_of_parts, free_ports(len(ports_of_parts)), strict=True)),
        }
    )
    database = open_database(settings, part="tests")
    ensure_indexes(database)
    ensure_topics(settings)
    ensure_bucket(open_s3(settings), settings)
    yield settings
    database.client.drop_database(mine)
    database.client.close()


@pytest.fixture(scope="session")
def real_tracks() -> Path:
    """Seven recorded tracks, which the project may read but not ship."""
    if not REAL_TRACKS.exists():
        pytest.skip(f"the recorded tracks are not at {REAL_TRACKS}")
    return REAL_TRACKS


@pytest.fixture
def start_part(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Starts parts by name as processes of their own, ready or not yet; all of them are stopped in the end.

    Keyword arguments override settings. The child's `log_file` is in the test's own folder.
    """
    children: list[Child] = []

    def start(name: str, *, wait: bool = True, **overrides: object) -> Child:
        info = next(part for part in PARTS if part.name == name)
        child = Child(part_program(info, settings.model_copy(update=overrides)), tmp_path)
        children.append(child)
        child.start()
        if wait:
            child.wait_ready()
        return child

    yield start
    for child in children:
        child.stop()
