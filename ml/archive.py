"""`model.tar.gz`, packed as SageMaker expects it and opened as if a stranger had made it."""

from __future__ import annotations

import tarfile
from pathlib import Path

from itrack.errors import FixConfiguration
from ml.source import lay_out

__all__ = ["MAX_BYTES", "MAX_FILES", "pack", "unpack"]

MAX_FILES = 100
MAX_BYTES = 1 << 30
"""More than this in an archive is refused before it is written to the disk."""


def pack(model: Path, archive: Path) -> None:
    """Put a model's files, and the code of its endpoint under `code/`, into an archive."""
    lay_out(model / "code")
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(model.rglob("*")):
            tar.add(path, str(path.relative_to(model)), recursive=False, filter=_anonymous)


def unpack(archive: Path, folder: Path, *, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES) -> None:
    """Open an archive into a folder.

    Raises:
        FixConfiguration: it is damaged, too large, or would write outside the folder; or this Python is older than
            3.11.4 and could not tell.
    """
    if not hasattr(tarfile, "data_filter"):
        raise FixConfiguration(
            f"{archive.name} was not opened: this Python cannot refuse paths that lead out of the folder. "
            "Use Python 3.11.4 or newer."
        )
    try:
        with tarfile.open(archive, "r:gz") as tar:
            size = 0
            for number, member in enumerate(tar, start=1):
                size += member.size
                if number > max_files or size > max_bytes:
                    raise FixConfiguration(
                        f"{archive.name} holds more than {max_files} files or {max_bytes} bytes: it was not opened."
                    )
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise FixConfiguration(f"{archive.name} cannot be opened ({error}): train the model again.") from error


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Who packed it and when is nobody's business, and would change its hash."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
