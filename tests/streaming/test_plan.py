"""The rules that settings make, for everyone and for single phones."""

from __future__ import annotations

from pathlib import Path

import pytest

from itrack.errors import FixConfiguration
from itrack.mobility import EventKind
from itrack.settings import load_settings
from itrack.trajectory.rules import Rules
from itrack.wire import encode_fix
from streaming.plan import ShardPlan
from streaming.shards import Message, Shard
from tests.trajectory.tracks import fix


def plan_of(path: Path, text: str) -> ShardPlan:
    file = path / "rules.json"
    file.write_text(text)
    return ShardPlan.of(load_settings(rules_file=file, stop_radius_m=50))


def test_a_phone_may_have_rules_of_its_own(tmp_path: Path) -> None:
    """Settings hold for everyone, the file for everyone and the phone it names; results carry their name."""
    plan = plan_of(tmp_path, '{"everyone": {"silence_s": 240}, "phones": {"main:7": {"stop_dwell_s": 300}}}')
    assert plan.rules == Rules(stop_radius_m=50, silence_s=240)
    assert plan.rules_of("main:7") == Rules(stop_radius_m=50, silence_s=240, stop_dwell_s=300)
    assert plan.rules_of("main:8") == plan.rules
    names = {Rules().name, plan.rules.name, plan.rules_of("main:7").name, Rules(stop_radius_m=50).name}
    assert len(names) == 4


def test_settings_as_they_are_make_the_rules_that_were_measured() -> None:
    """What the tests and decision records say of the logic holds for whoever sets nothing."""
    assert ShardPlan.of(load_settings()).rules == Rules()


def test_the_stream_goes_by_the_phone_s_own_rules(tmp_path: Path) -> None:
    """Two minutes and a half are a stop for the phone whose dwell time is two minutes, and not for others."""
    plan = plan_of(tmp_path, '{"everyone": {"stop_dwell_s": 300}, "phones": {"main:7": {"stop_dwell_s": 120}}}')
    messages = []
    for device, number in (("main:7", 0), ("main:8", 100)):
        for index in range(6):
            one = fix(30 * index, number=number + index)
            value = encode_fix(one).replace(b'"main:7"', f'"{device}"'.encode())
            messages.append(Message(f"kafka:t/0/{number + index}", one.server_at, value))
    (news,) = Shard(0, plan).on_batch(messages, None).news
    assert [(event.device_id, event.kind) for event in news.events] == [("main:7", EventKind.STAYPOINT_STARTED)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"everyone": {"stop_radius": 3}}', "no such rules as stop_radius"),
        ('{"phones": {"main:7": {"stop_radius_m": -3}}}', "stop_radius_m of main:7"),
        ('{"everybody": {}}', "no file of rules"),
        ("", "no file of rules"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    """A misspelt rule or a number that cannot be stops the program and says which."""
    with pytest.raises(FixConfiguration, match=says):
        plan_of(tmp_path, text)


def test_a_file_that_is_not_there_is_said_so() -> None:
    """The sentence names the setting and the file."""
    with pytest.raises(FixConfiguration, match=r"ITRACK_RULES_FILE .*nowhere"):
        ShardPlan.of(load_settings(rules_file="/nowhere/rules.json"))
