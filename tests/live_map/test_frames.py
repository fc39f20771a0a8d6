"""The frames as browsers and measuring programs read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec

from itrack.device import Device
from live_map.frames import Hello, News, Resync, live_device, live_fix
from tests.live_map.fixes import NOON, make_fix


def test_each_frame_names_its_kind() -> None:
    """A reader can tell frames apart by `kind` alone."""
    frames = [News(sent_at=NOON), Hello(server_at=NOON, feed_ok=True, feed_detail=""), Resync()]
    assert [json.loads(msgspec.json.encode(frame))["kind"] for frame in frames] == ["news", "hello", "resync"]


def test_news_carries_what_a_probe_matches_by() -> None:
    """Every fix on the wire carries its own and its device's identifier and times in UTC."""
    frame = json.loads(msgspec.json.encode(News(sent_at=NOON, fixes=[live_fix(make_fix(7))])))
    (fix,) = frame["fixes"]
    assert (fix["fix_id"], fix["device_id"]) == ("main:1-7", "main:1")
    assert datetime.fromisoformat(fix["server_at"]) == make_fix(7).server_at
    assert frame["events"] == frame["devices"] == []


def test_an_impossible_clock_is_told() -> None:
    """The page can say that the clock is wrong, and still order the fix."""
    fix = live_fix(make_fix(at=datetime(1901, 1, 1, tzinfo=UTC), server_at=NOON))
    assert not fix.clock_ok
    assert fix.placed_at == NOON


def test_attributes_of_the_phone_stay_behind() -> None:
    """What a phone said beyond its place is not sent to pages."""
    encoded = msgspec.json.encode(live_fix(make_fix(attributes_json='{"secret": 1}')))
    assert b"secret" not in encoded


def test_a_hostile_name_is_carried_as_it_is() -> None:
    """Escaping is the business of whoever shows a name; data stays data."""
    name = "<img src=x onerror=alert(1)>"
    assert live_device(Device(device_id="main:1", unique_id="1", name=name)).name == name
