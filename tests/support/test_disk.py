"""The small disk: full means full, and room comes back."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.support.disk import NoDisk, small_disk


def test_full_disk_takes_no_byte_more(tmp_path: Path) -> None:
    """A write fails while the disk is full, and works again afterwards; what was there stays."""
    try:
        with small_disk(tmp_path / "disk", 2) as disk:
            (disk.folder / "old").write_bytes(b"old")
            disk.fill()
            assert disk.free_bytes == 0
            with pytest.raises(OSError) as failure:  # noqa: PT011 - the number is looked at
                (disk.folder / "new").write_bytes(b"new")
            assert failure.value.errno == errno.ENOSPC
            disk.make_room()
            (disk.folder / "new").write_bytes(b"new")
            assert (disk.folder / "old").read_bytes() == b"old"
    except NoDisk as error:
        pytest.skip(str(error))
    assert not (tmp_path / "disk" / "old").exists(), "it is still mounted"
