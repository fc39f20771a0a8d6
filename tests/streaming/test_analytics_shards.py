"""A shard of phones without Spark: bytes and messages in, findings and bytes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from itrack.fix import Fix
from itrack.mobility import Event, EventKind
from itrack.trajectory.fleet import Repaired
from itrack.trajectory.point import instant_of
from itrack.trajectory.replay import in_order, points_upto, replay
from itrack.trajectory.rules import Rules
from itrack.wire import encode_fix
from streaming.partitioning import shard_numbers, spark_hash
from streaming.plan import ShardPlan
from streaming.shards import Findings, Message, Shard, ShardReport, silence_of
from tests.trajectory.tracks import NOON, Phone, fix, real_fixes, walk

PLAN = ShardPlan(rules=Rules(), resolution=9)


def messages(fixes: Sequence[Fix]) -> list[Message]:
    return [
        Message(f"kafka:itrack.fixes/0/{offset}", one.server_at, encode_fix(one)) for offset, one in enumerate(fixes)
    ]


def events_of(findings: Findings) -> list[Event]:
    return [event for news in findings.news for event in news.events]


def fold(batches: Sequence[Sequence[Fix]]) -> tuple[list[Event], ShardReport]:
    events: list[Event] = []
    state, report = None, None
    for batch in batches:
        shard = Shard(0, PLAN, state)
        events += events_of(shard.on_batch(messages(batch), None))
        state, report = shard.pack()
    assert report is not None
    return events, report


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=6).map(sorted))
def test_how_fixes_fall_into_batches_does_not_matter(cuts: list[int]) -> None:
    """Whatever the micro-batches, each phone's events are those of its own fixes in order."""
    mine = [*walk(0, 600, 0, 840), fix(9000, 850), *walk(9005, 9500, 860, 1500)]
    other = [replace(one, device_id="main:8", fix_id=f"{one.fix_id}8") for one in mine]
    fixes = [one for pair in zip(mine, other, strict=True) for one in pair]
    edges = [0, *cuts, len(fixes)]
    events, _ = fold([fixes[start:end] for start, end in pairwise(edges)])
    for device_id, alone in (("main:7", mine), ("main:8", other)):
        assert [event for event in events if event.device_id == device_id] == Phone(device_id).on_fixes(*alone)


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


def test_a_fix_without_a_number_is_set_aside() -> None:
    """An identifier that is no number has no place in the order; the fix is a dead letter and the others count."""
    odd = replace(fix(150), fix_id="main:poison")
    findings = Shard(0, PLAN).on_batch(messages([fix(0), fix(100, 5), odd, fix(301, 3)]), None)
    assert [letter.reason for letter in findings.dead_letters] == ["unknown_fix_id"]
    assert [event.kind for event in events_of(findings)] == [EventKind.STAYPOINT_STARTED]


def test_a_fix_that_comes_too_late_asks_for_a_repair_and_takes_the_answer() -> None:
    """A fix of an hour ago is asked to be repaired; with the answer the shard tells what a run in order tells."""
    fixes = [*walk(0, 300, 0, 420), *walk(3600, 4000, 430, 1000)]
    late = fix(1800, 425)
    shard = Shard(0, PLAN)
    shard.on_batch(messages(fixes), None)
    (repair,) = shard.on_batch(messages([late]), None).repairs
    assert instant_of(repair.since_ms) == late.fixed_at
    replayed = replay(points_upto(in_order([*fixes, late], PLAN.rules), repair.base), PLAN.rules)
    answer = Repaired(repair=repair, phone=replayed.phone.tobytes(), found=replayed.told.tobytes())
    state, report = shard.pack()
    assert report.repairs == 1
    again = Shard(0, PLAN, state)
    again.on_batch([], None, [msgspec.json.encode(answer)])
    in_order_ = Shard(0, PLAN)
    in_order_.on_batch(messages([*fixes, late]), None)
    onward = messages(walk(4005, 4400, 1007, 1560))
    assert events_of(again.on_batch(onward, None)) == events_of(in_order_.on_batch(onward, None))


def test_silence_is_told_by_a_tick_and_survives_packing() -> None:
    """The report says when silence is due; a tick after that makes the stop known, once, and nothing more is due."""
    shard = Shard(0, PLAN)
    shard.on_batch(messages([fix(0), fix(10, 5)]), None)
    state, report = shard.pack()
    assert report.due_ms == int((NOON + timedelta(seconds=120)).timestamp() * 1000)
    too_early = Shard(0, PLAN, state)
    assert events_of(too_early.on_batch([], NOON + timedelta(seconds=119))) == []
    in_time = Shard(0, PLAN, state)
    found = in_time.on_batch([], silence_of([str(report.due_ms).encode(), b"junk"]))
    assert [event.kind for event in events_of(found)] == [EventKind.STAYPOINT_STARTED]
    assert [len(news.progress) for news in found.news] == [0, 1]
    assert in_time.pack()[1].due_ms is None


def test_fixes_count_before_the_silence_of_the_same_batch() -> None:
    """A fix and a tick in one batch: the fix shows that the phone was not silent."""
    shard = Shard(0, PLAN)
    shard.on_batch(messages([fix(0)]), None)
    state, _ = shard.pack()
    found = Shard(0, PLAN, state).on_batch(messages([fix(110, 400), fix(115, 407)]), NOON + timedelta(seconds=130))
    assert events_of(found) == []


def test_the_state_of_many_phones_is_small(real_tracks: Path) -> None:
    """Seven recorded tracks leave less than three and a half kilobytes a phone."""
    _, report = fold([list(real_fixes(real_tracks))])
    assert report.device_count == 7
    assert report.state_bytes < 7 * 3500


def test_shards_are_spread_evenly_over_partitions() -> None:
    """The numbers meet every partition once under Spark's own hash, known values of which are checked."""
    assert [spark_hash(number) for number in range(4)] == [933211791, -559580957, 1765031574, -1823081949]
    for count in (1, 2, 4, 7, 16):
        assert {spark_hash(number) % count for number in shard_numbers(count)} == set(range(count))
