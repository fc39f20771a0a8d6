"""The local stack: MongoDB, Kafka and S3, started together, watched, and stopped in the reverse order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.jars import jar_folder
from infra.java import java_home
from infra.kafka import kafka_program
from infra.mongod import mongod_program
from infra.process import Child, Program
from infra.s3proxy import s3proxy_program
from infra.workspace import Workspace
from itrack.errors import TryAgain
from itrack.kafka import ensure_topics
from itrack.mongo import ensure_indexes, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.s3 import ensure_bucket, open_s3
from itrack.settings import Settings

__all__ = ["LocalStack"]

Say = Callable[[str], None]
"""Told in a few words what is going on."""


class LocalStack:
    """A context manager: inside it MongoDB, Kafka and S3 run, with their collections, topics and bucket.

    A service that the settings place elsewhere (`ITRACK_MONGODB_URI`, `ITRACK_KAFKA_BOOTSTRAP`,
    `ITRACK_S3_ENDPOINT_URL`) is not started. More programs can be added with `start`.

    Args:
        settings: where everything listens.
        say: told what is going on, for a person who waits.
        give_up: when it is set while something starts, the start ends.

    Raises:
        FixConfiguration: a port is taken, a disk is full, Java is missing, another stack runs in the folder.
        TryAgain: a service did not get ready or died.
    """

    def __init__(
        self, settings: Settings, say: Say = lambda _words: None, give_up: threading.Event | None = None
    ) -> None:
        self.settings = settings
        self._give_up = give_up or threading.Event()
        self.workspace = Workspace(settings)
        self.children: list[Child] = []
        self._starting: set[Child] = set()
        self._say = say
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self.workspace.prepare()
            undo.callback(self.workspace.lock().close)
            undo.callback(self._stop_all)
            self.start(*self._services())
            self._say("making collections, topics and bucket")
            self._make_room()
            self._exit = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.__exit__(kind, error, trace)

    def start(self, *programs: Program) -> None:
        """Start programs side by side and wait until all that were ever started are ready."""
        self.launch(*programs)
        self.wait_ready()

    def launch(self, *programs: Program) -> None:
        """Start programs side by side without waiting for them."""
        for program in programs:
            self._say(f"starting {program.name}")
            child = Child(program, self.workspace.logs)
            self.children.append(child)
            child.start()
            self._starting.add(child)

    def wait_ready(self, *but: str) -> None:
        """Wait until every program is ready, leaving out those named."""
        while waiting := {child for child in self._starting if child.program.name not in but}:
            self._starting -= {child for child in waiting if child.check_ready()}
            if waiting & self._starting and self._give_up.wait(0.1):
                raise TryAgain("Stopped while the programs were starting.")

    def require_alive(self) -> None:
        """Check that every program runs.

        Raises:
            TryAgain: one has ended by itself.
        """
        for child in self.children:
            child.require_alive()

    def rss_bytes(self) -> dict[str, int]:
        """Resident memory by program."""
        return {child.program.name: child.rss_bytes() for child in self.children}

    def stop(self, name: str) -> None:
        """Stop one program."""
        for child in [each for each in self.children if each.program.name == name]:
            child.stop()
            self.children.remove(child)

    def _services(self) -> list[Program]:
        settings, workspace = self.settings, self.workspace
        services = []
        if settings.mongodb_uri is None:
            services.append(mongod_program(workspace, settings))
        if settings.kafka_bootstrap is None:
            jars = self._jars("kafka")
            services.append(kafka_program(workspace, settings, java_home(settings), jars))
        if settings.s3_endpoint_url is None:
            jars = self._jars("s3proxy")
            services.append(s3proxy_program(workspace, settings, java_home(settings), jars))
        return services

    def _jars(self, program: str) -> Path:
        return jar_folder(
            self.workspace, program, lambda done, of: self._say(f"downloading {program}: {done} of {of} jars")
        )

    def _make_room(self) -> None:
        database = open_database(self.settings, part="stack")
        try:
            with asking_mongodb("make indexes"):
                ensure_indexes(database)
        finally:
            database.client.close()
        ensure_topics(self.settings)
        ensure_bucket(open_s3(self.settings), self.settings)

    def _stop_all(self) -> None:
        while self.children:
            child = self.children.pop()
            self._say(f"stopping {child.program.name}")
            child.stop()
