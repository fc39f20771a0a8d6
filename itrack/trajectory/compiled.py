"""Compiling the mobility logic to machine code (numba), so that stream, batch and tests run the very same.

Compiled functions work on numpy records: views into arrays whose bytes are a device's state. They allocate nothing and
raise nothing. What they were compiled to is kept beside the sources under a name made of all of them, since numba by
itself notices a change in a function's own file only, and not in those it calls.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

__all__ = ["Record", "compiled"]

F = TypeVar("F", bound=Callable[..., Any])

Record = Any
"""One element of a structured numpy array; fields are attributes."""


def compiled(function: F) -> F:
    """Have numba compile the function at its first call. Results are the same on every machine: no fast-math."""
    return cast("F", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def _cache_folder() -> Path:
    digest = blake2b(digest_size=8)
    folder = Path(__file__).parent
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    name = f"compiled-{digest.hexdigest()}"
    beside = folder / "__pycache__"
    if os.access(beside if beside.exists() else folder, os.W_OK):
        return beside / name
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "itrack" / name


numba.config.CACHE_DIR = str(_cache_folder())
