"""A small disk that a test can fill: a file system in memory, where this user may mount one."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["NoDisk", "SmallDisk", "small_disk"]

_MIB = 1024 * 1024


class NoDisk(Exception):
    """This user may not mount one here; the message says why."""


class SmallDisk:
    """A mounted disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab", buffering=0) as file:
            size = _MIB
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def make_room(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        """What is left."""
        return shutil.disk_usage(self.folder).free


@contextmanager
def small_disk(folder: Path, size_mib: int) -> Iterator[SmallDisk]:
    """Mount a disk at a folder, which is made, for the length of a `with` block.

    Raises:
        NoDisk: this user may not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("mount") is None:
        raise NoDisk("there is no mount command")
    options = f"size={size_mib}m,mode=0700,uid={os.getuid()},gid={os.getgid()}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "itrack-test", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NoDisk(f"mounting is not allowed: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], capture_output=True, check=True)
