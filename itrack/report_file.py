"""The file that a command writes its result to, as JSON, for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from itrack.errors import FixConfiguration

__all__ = ["report", "require_writable", "write_report"]


def require_writable(path: Path) -> None:
    """Find out before the work whether its result can be written; what is in the file stays.

    Raises:
        FixConfiguration: it cannot be written.
    """
    is_new = not path.exists()
    with _writing(path):
        path.open("ab").close()
        if is_new:
            path.unlink()


def write_report(path: Path, result: msgspec.Struct) -> None:
    """Write the result of a command: complete, or not at all. What is no plain file, such as a pipe, is written to.

    Raises:
        FixConfiguration: the file cannot be written.
    """
    content = report(result)
    with _writing(path):
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        partial = path.with_name(f"{path.name}.partial")
        partial.write_bytes(content)
        partial.replace(path)


def report(result: msgspec.Struct) -> bytes:
    """The result of a command as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FixConfiguration(
            f"--json {path} cannot be written ({error.strerror}): give a file in a folder that you may write to."
        ) from error
