"""The spool: a bounded queue on disk that survives kills, tells of damage, and keeps no place longer than it must."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.wire import DeadLetter, dead_letter
from traccar_bridge.spool import Spool, Spooled

MIB = 1024 * 1024
AT = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)


def item(number: int, size: int = 0) -> Spooled:
    if number % 5 == 0:
        return dead_letter("traccar:main/websocket", SetAside("not_json", "…"), f"{number}" + "x" * size, AT)
    return Fix(
        fix_id=f"main:{number}",
        device_id="main:1",
        fixed_at=AT,
        device_at=AT,
        server_at=AT,
        latitude_deg=47.0,
        longitude_deg=8.0,
        attributes_json="x" * size,
    )


def drained(spool: Spool) -> list[Spooled]:
    found: list[Spooled] = []
    while batch := spool.first(3):
        found += batch
        spool.remove_first(len(batch))
    return found


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 7)),
            st.tuples(st.just("remove"), st.integers(1, 4)),
            st.just(("reopen", 0)),
        )
    )
)
def test_it_is_a_queue(steps: list[tuple[str, int]]) -> None:
    """Whatever is put in, taken out and reopened in between: the same items in the same order, and the right count."""
    expected: deque[Spooled] = deque()
    added = 0
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), "main", MIB)
        for step, count in steps:
            if step == "append":
                items = [item(added + each) for each in range(count)]
                added += count
                assert spool.append(items)
                expected += items
            elif step == "remove":
                first = spool.first(count)
                assert first == list(expected)[:count]
                spool.remove_first(len(first))
                for _ in first:
                    expected.popleft()
            else:
                spool.close()
                spool = Spool(Path(folder), "main", MIB)
            assert len(spool) == len(expected)
        assert drained(spool) == list(expected)
        spool.close()


def test_it_survives_sigkill(tmp_path: Path) -> None:
    """What was put in is there after the process was killed at once."""
    program = """
import sys
from pathlib import Path
from tests.traccar_bridge.test_spool import MIB, item
from traccar_bridge.spool import Spool
spool = Spool(Path(sys.argv[1]), "main", MIB)
spool.append([item(number) for number in range(100)])
spool.remove_first(10)
print("done", flush=True)
input()
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        os.kill(process.pid, signal.SIGKILL)
    spool = Spool(tmp_path, "main", MIB)
    assert drained(spool) == [item(number) for number in range(10, 100)]
    spool.close()


def test_it_is_bounded_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """It refuses what it has no room for, goes on once there is room, and when empty holds no trace of anybody."""
    spool = Spool(tmp_path, "main", MIB)
    kept = 0
    while spool.append([item(kept * 2 + 1, size=10_000), item(kept * 2 + 2, size=10_000)]):
        kept += 1
    assert 30 < kept < 60
    file = tmp_path / "spool-main-1.sqlite"
    assert file.stat().st_size <= MIB
    assert len(spool) == 2 * kept
    assert REGISTRY.get_sample_value("itrack_bridge_spool_items") == 2 * kept
    assert (REGISTRY.get_sample_value("itrack_bridge_spool_bytes") or 0) > 0.8 * MIB
    spool.remove_first(20)
    assert spool.append([item(1, size=10_000)])
    assert len(drained(spool)) == 2 * kept - 19
    assert REGISTRY.get_sample_value("itrack_bridge_spool_bytes") == 0
    left = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert len(left) < 100_000
    assert b"xxxx" not in left
    assert b"main:1" not in left
    assert spool.append([item(1)])
    spool.close()


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """Places are personal data."""
    old_mask = os.umask(0)
    try:
        spool = Spool(tmp_path / "home" / "bridge", "main", MIB)
        spool.append([item(1)])
    finally:
        os.umask(old_mask)
    files = list((tmp_path / "home" / "bridge").iterdir())
    assert files
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "home" / "bridge").stat().st_mode) == 0o700
    spool.close()


def test_each_bridge_has_its_own(tmp_path: Path) -> None:
    """Two bridges in one folder do not empty each other's; what one left behind is for the next that starts."""
    first, second, other = Spool(tmp_path, "main", MIB), Spool(tmp_path, "main", MIB), Spool(tmp_path, "other", MIB)
    first.append([item(1)])
    second.append([item(2)])
    assert drained(other) == []
    assert second.first(10) == [item(2)]
    first.close()
    third = Spool(tmp_path, "main", MIB)
    assert drained(third) == [item(1)]
    for each in (second, third, other):
        each.close()


@pytest.mark.parametrize("damage", ["garbage", "half", "empty", "middle", "row"])
def test_a_damaged_file_is_put_beside(tmp_path: Path, damage: str) -> None:
    """Whatever became of the file, the spool works; what cannot be read is kept for a person to look at and counted."""
    before = REGISTRY.get_sample_value("itrack_bridge_spool_damaged_total") or 0.0
    spool = Spool(tmp_path, "main", MIB)
    spool.append([item(number, size=500) for number in range(1, 200)])
    spool.close()
    file = tmp_path / "spool-main-1.sqlite"
    whole = file.read_bytes()
    if damage == "garbage":
        file.write_bytes(b"no database at all" * 1000)
    elif damage == "half":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "middle":
        file.write_bytes(whole[:8192] + b"\xff" * 40_000 + whole[48_192:])
    else:
        db = sqlite3.connect(file)
        db.execute("UPDATE spool SET body = x'ff00ff' WHERE number = 2")
        db.execute("UPDATE spool SET kind = 9 WHERE number = 3")
        db.execute("UPDATE spool SET body = 'text', kind = 'text' WHERE number = 4")
        db.commit()
        db.close()
    spool = Spool(tmp_path, "main", MIB)
    rest = drained(spool)
    if damage == "row":
        assert len(rest) == 199
        letters = [each for each in rest if isinstance(each, DeadLetter) and each.reason == "spool_row_unreadable"]
        assert len(letters) == 3
    else:
        is_told = damage != "empty"
        assert len(list(tmp_path.glob("*.damaged-*"))) == is_told
        assert REGISTRY.get_sample_value("itrack_bridge_spool_damaged_total") == before + is_told
    assert spool.append([item(7)])
    assert drained(spool) == [item(7)]
    spool.close()


def test_without_a_place_there_is_none(tmp_path: Path) -> None:
    """A folder that cannot be made, or no room at all, does not stop a bridge."""
    (tmp_path / "file").write_text("in the way")
    for spool in (Spool(tmp_path / "file" / "bridge", "main", MIB), Spool(tmp_path, "main", 0)):
        assert not spool.append([item(1)])
        assert spool.first(10) == []
        spool.remove_first(1)
        assert len(spool) == 0
        spool.close()
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
