"""A wall clock that a test can set for one program: see `jumping_clock.c`."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["JumpingClock", "NoClock", "build_clock"]

_LONG = struct.Struct("q")
_SOURCE = Path(__file__).with_name("jumping_clock.c")


class NoClock(Exception):
    """This machine cannot build it; the message says why."""


def build_clock(folder: Path) -> Path:
    """Compile the library that programs preload.

    Raises:
        NoClock: there is no C compiler, or not for glibc.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoClock("there is no C compiler (Debian, Ubuntu: apt-get install gcc libc6-dev)")
    library = folder / "jumping_clock.so"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", library, _SOURCE, "-ldl", "-lpthread"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NoClock(f"the clock does not compile: {done.stderr.strip()[-300:]}")
    return library


class JumpingClock:
    """The clock of one program.

    Args:
        library: from `build_clock`.
        file: where this clock is kept.
    """

    def __init__(self, library: Path, file: Path) -> None:
        file.write_bytes(_LONG.pack(0))
        self._file = file
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library), "JUMPING_CLOCK": str(file)}

    def jump(self, by_s: int) -> None:
        """Be set forwards by so many seconds, or backwards where they are negative."""
        with self._file.open("r+b") as file, mmap.mmap(file.fileno(), _LONG.size) as memory:
            memory[:] = _LONG.pack(_LONG.unpack(memory)[0] + by_s)
