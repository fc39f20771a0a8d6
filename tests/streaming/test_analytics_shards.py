"""A shard of phones without Spark: bytes and messages in, findings and bytes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from itrack.fix import Fix
from itrack.mobility import EventKind
from itrack.trajectory.device_logic import DeviceLogic
from itrack.trajectory.rules import Rules
from itrack.wire import encode_fix
from streaming.partitioning import shard_numbers, spark_hash
from streaming.shards import Findings, Message, Shard, ShardPlan, ShardReport, silence_of
from tests.trajectory.tracks import NOON, fix, real_fixes, walk

PLAN = ShardPlan(rules=Rules(), density_window_s=300, density_resolution=9)


def messages(fixes: Sequence[Fix]) -> list[Message]:
    return [
        Message(f"kafka:itrack.fixes/0/{offset}", one.server_at, encode_fix(one)) for offset, one in enumerate(fixes)
    ]


def fold(batches: Sequence[Sequence[Fix]]) -> tuple[Findings, ShardReport]:
    everything, state, report = Findings(), None, None
    for batch in batches:
        shard = Shard(0, PLAN, state)
        findings = shard.on_batch(messages(batch), None)
        everything.events += findings.events
        state, report = shard.pack()
    assert report is not None
    return everything, report


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=6).map(sorted))
def test_how_fixes_fall_into_batches_does_not_matter(cuts: list[int]) -> None:
    """Whatever the micro-batches, each phone's events are those of its own fixes in order."""
    mine = [*walk(0, 600, 0, 840), fix(9000, 850), *walk(9005, 9500, 860, 1500)]
    other = [replace(one, device_id="main:8", fix_id=f"main:8{one.fix_id}") for one in mine]
    fixes = [one for pair in zip(mine, other, strict=True) for one in pair]
    edges = [0, *cuts, len(fixes)]
    found, _ = fold([fixes[start:end] for start, end in pairwise(edges)])
    for device in ("main:7", "main:8"):
        logic = DeviceLogic(device, Rules())
        alone = [event for one in fixes if one.device_id == device for event in logic.on_fix(one)]
        assert [event for event in found.events if event.device_id == device] == alone


def test_a_message_that_is_no_fix_is_set_aside_and_the_others_count() -> None:
    """Broken JSON, JSON that is no fix and a newer schema become dead letters with reason and offset."""
    newer = encode_fix(replace(fix(0), schema=2))
    bad = [b"\xff{", b"{}", b"null", newer, b""]
    letters = [Message(f"kafka:t/2/{offset}", NOON, value) for offset, value in enumerate(bad)]
    shard = Shard(0, PLAN)
    findings = shard.on_batch([*letters, *messages(walk(0, 300, 0, 420))], None)
    assert Counter(letter.reason for letter in findings.dead_letters) == {"not_a_fix": 4, "unknown_schema": 1}
    assert findings.dead_letters[0].origin == "kafka:t/2/0"
    assert shard.pack()[1].fix_count == 61


def test_one_phone_that_breaks_the_logic_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fix that the logic fails on is kept as a dead letter, and its phone goes on as if it had not come."""
    judge = DeviceLogic.on_fix

    def fail_once(self: DeviceLogic, one: Fix) -> object:
        if one.fix_id == "main:poison":
            raise ZeroDivisionError
        return judge(self, one)

    monkeypatch.setattr(DeviceLogic, "on_fix", fail_once)
    fixes = [fix(0), fix(100, 5), replace(fix(150), fix_id="main:poison"), fix(301, 3)]
    findings = Shard(0, PLAN).on_batch(messages(fixes), None)
    assert [letter.reason for letter in findings.dead_letters] == ["logic_failed"]
    assert [event.kind for event in findings.events] == [EventKind.STAYPOINT_STARTED]


def test_silence_is_told_by_a_tick_and_survives_packing() -> None:
    """The report says when silence is due; a tick after that makes the stop known, once, and nothing more is due."""
    shard = Shard(0, PLAN)
    shard.on_batch(messages([fix(0), fix(10, 5)]), None)
    state, report = shard.pack()
    assert report.due_ms == int((NOON + timedelta(seconds=300)).timestamp() * 1000)
    too_early = Shard(0, PLAN, state)
    assert too_early.on_batch([], NOON + timedelta(seconds=299)).events == []
    in_time = Shard(0, PLAN, state)
    found = in_time.on_batch([], silence_of([str(report.due_ms).encode(), b"junk"]))
    assert [event.kind for event in found.events] == [EventKind.STAYPOINT_STARTED]
    assert len(found.open_staypoints) == 1
    assert in_time.pack()[1].due_ms is None


def test_fixes_count_before_the_silence_of_the_same_batch() -> None:
    """A fix and a tick in one batch: the fix shows that the phone was not silent."""
    shard = Shard(0, PLAN)
    shard.on_batch(messages([fix(0)]), None)
    state, _ = shard.pack()
    found = Shard(0, PLAN, state).on_batch(messages([fix(290, 400), fix(295, 407)]), NOON + timedelta(seconds=310))
    assert found.events == []


def test_the_state_of_many_phones_is_small(real_tracks: Path) -> None:
    """Seven recorded tracks leave less than 500 bytes a phone beside the open counts."""
    _, report = fold([list(real_fixes(real_tracks))])
    assert report.device_count == 7
    everything = list(real_fixes(real_tracks))
    shard = Shard(0, ShardPlan(rules=Rules(), density_window_s=10, density_resolution=0))
    shard.on_batch(messages(everything), None)
    assert shard.pack()[1].state_bytes < 7 * 500 + 60 * 100


def test_shards_are_spread_evenly_over_partitions() -> None:
    """The numbers meet every partition once under Spark's own hash, known values of which are checked."""
    assert [spark_hash(number) for number in range(4)] == [933211791, -559580957, 1765031574, -1823081949]
    for count in (1, 2, 4, 7, 16):
        assert {spark_hash(number) % count for number in shard_numbers(count)} == set(range(count))
