"""Where the local stack keeps everything: one folder, `ITRACK_HOME`."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

from itrack.errors import FixConfiguration
from itrack.settings import Settings

__all__ = ["Workspace"]

_LEAST_FREE_BYTES = 2 * 1024**3


class Workspace:
    """The folders under `ITRACK_HOME`.

    Attributes:
        root: the folder itself.
        data: what MongoDB, Kafka and S3 store.
        jars: Java programs.
        logs: one file a process.
        run: locks, generated configuration, tokens.
    """

    def __init__(self, settings: Settings) -> None:
        self.root = settings.home.expanduser().resolve()
        self.data = self.root / "data"
        self.jars = self.root / "jars"
        self.logs = self.root / "logs"
        self.run = self.root / "run"

    def prepare(self) -> None:
        """Make the folders, readable by their owner only.

        Raises:
            FixConfiguration: the folder cannot be written, or its disk is nearly full.
        """
        if "," in str(self.root):
            raise FixConfiguration(
                f"{self.root} has a comma, which Kafka takes for two folders. Set ITRACK_HOME to another."
            )
        try:
            for folder in (self.root, self.data, self.jars, self.logs, self.run):
                folder.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
            free = shutil.disk_usage(self.root).free
        except OSError as error:
            raise FixConfiguration(
                f"{self.root} cannot be written ({error.strerror}). Set ITRACK_HOME to a folder that can."
            ) from error
        if free < _LEAST_FREE_BYTES:
            raise FixConfiguration(
                f"The disk of {self.root} has {free / 1024**3:.1f} GiB left; the local stack needs 2. "
                "Free some, or set ITRACK_HOME to a folder on another disk."
            )

    @staticmethod
    def in_properties(path: Path) -> str:
        """A path as Java's properties files take it: everything beyond ASCII escaped."""
        return "".join(each if each.isascii() else f"\\u{ord(each):04x}" for each in str(path).replace("\\", "\\\\"))

    def lock(self) -> IO[str]:
        """Hold this folder for one local stack until the returned file is closed.

        Raises:
            FixConfiguration: another local stack uses it.
        """
        path = self.run / "stack.lock"
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise FixConfiguration(
                f"A local stack already runs in {self.root} (process {owner}). Stop it with Ctrl-C in its window, "
                f"or `kill {owner}`; or give this one its own ITRACK_HOME and ITRACK_PORT_OFFSET."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file
