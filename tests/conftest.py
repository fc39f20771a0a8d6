"""What every test may use: the real local stack, started once for the run, and real recorded tracks."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from infra.parts import PARTS, part_program
from infra.process import Child
from infra.stack import LocalStack
from itrack.kafka import ensure_topics
from itrack.mongo import ensure_indexes, open_database
from itrack.s3 import ensure_bucket, open_s3
from itrack.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent
REAL_TRACKS = ROOT.parent / "shared" / "data" / "real_tracks.csv.gz"

hypothesis.settings.register_profile("itrack", deadline=None)  # a busy machine is no defect
hypothesis.settings.load_profile("itrack")


@pytest.fixture(scope="session")
def stack_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The running stack on free ports, with data of its own and the jars of the checkout."""
    home = tmp_path_factory.mktemp("stack")
    jars = load_settings().home.expanduser().resolve() / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    (home / "jars").symlink_to(jars)
    ports = {name: free_port() for name in Settings.model_fields if name.endswith("_port")}
    settings = load_settings(home=home, **ports)
    with LocalStack(settings):
        yield settings


@pytest.fixture
def settings(stack_settings: Settings) -> Iterator[Settings]:
    """The running stack as one test sees it: an empty database, topics and a bucket that are its own."""
    mine = f"t{uuid.uuid4().hex[:10]}"
    settings = stack_settings.model_copy(
        update={
            "mongodb_database": mine,
            "fixes_topic": f"{mine}.fixes",
            "events_topic": f"{mine}.events",
            "dead_letter_topic": f"{mine}.dead-letter",
            "s3_bucket": f"{mine}-data",
            **{name: free_port() for name in Settings.model_fields if name.endswith("metrics_port")},
            "map_port": free_port(),
        }
    )
    database = open_database(settings, part="tests")
    ensure_indexes(database)
    ensure_topics(settings)
    ensure_bucket(open_s3(settings), settings)
    yield settings
    database.client.drop_database(mine)
    database.client.close()


@pytest.fixture
def real_tracks() -> Path:
    """Seven recorded tracks, which the project may read but not ship."""
    if not REAL_TRACKS.exists():
        pytest.skip(f"the recorded tracks are not at {REAL_TRACKS}")
    return REAL_TRACKS


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
            child.wait_ready(threading.Event())
        return child

    yield start
    for child in children:
        child.stop()
