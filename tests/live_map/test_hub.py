"""News on its way to many pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from live_map.frames import Beat
from live_map.hub import Client, Hub
from tests.live_map.fixes import NOON, make_fix

Scenario = Callable[[], Awaitable[None]]


async def frame_of(client: Client, within_s: float = 1.0) -> dict[str, Any]:
    """The next frame of a page."""
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(client.frames.get(), within_s))
    return frame


def test_news_after_a_pause_goes_out_at_once() -> None:
    """A single fix does not wait for company."""

    async def scenario() -> None:
        hub = Hub(batch_s=60.0)
        client = hub.join()
        hub.publish([make_fix(1)])
        assert not client.frames.empty()

    asyncio.run(scenario())


def test_news_in_quick_succession_shares_a_frame() -> None:
    """A flood of fixes becomes few frames, in order, with none lost."""

    async def scenario() -> None:
        hub = Hub(batch_s=0.05)
        client = hub.join()
        for number in range(100):
            hub.publish([make_fix(number)])
        first, second = await frame_of(client), await frame_of(client)
        numbers = [fix["fix_id"] for frame in (first, second) for fix in frame["fixes"]]
        assert numbers == [f"main:1-{number}" for number in range(100)]
        assert client.frames.empty()

    asyncio.run(scenario())


def test_a_backlog_is_cut_into_frames() -> None:
    """A long read from Kafka does not become one huge frame, and nothing of it is lost."""

    async def scenario() -> None:
        hub = Hub()
        client = hub.join()
        hub.publish([make_fix(number) for number in range(2500)])
        sizes = [len((await frame_of(client))["fixes"]) for _ in range(3)]
        assert sizes == [1000, 1000, 500]

    asyncio.run(scenario())


def test_a_page_that_does_not_keep_up_is_let_go() -> None:
    """One slow page costs a bounded queue and delays nobody else."""

    async def scenario() -> None:
        hub = Hub(batch_s=0.0, queue_frames=3)
        slow, quick = hub.join(), hub.join()
        before = REGISTRY.get_sample_value("itrack_map_dropped_clients_total") or 0.0
        for number in range(5):
            hub.publish([make_fix(number)])
            assert (await frame_of(quick))["fixes"][0]["fix_id"] == f"main:1-{number}"
        assert slow.is_too_slow.is_set()
        assert not quick.is_too_slow.is_set()
        assert REGISTRY.get_sample_value("itrack_map_dropped_clients_total") == before + 1
        assert REGISTRY.get_sample_value("itrack_map_clients") == 1

    asyncio.run(scenario())


def test_other_frames_come_after_the_news_before_them() -> None:
    """A sign of life or a call to read the state anew does not overtake news."""

    async def scenario() -> None:
        hub = Hub(batch_s=60.0)
        client = hub.join()
        hub.publish([make_fix(1)])
        hub.publish([make_fix(2)])
        hub.say(Beat(server_at=NOON, feed_ok=True, feed_detail=""))
        kinds = [(await frame_of(client))["kind"] for _ in range(3)]
        assert kinds == ["news", "news", "beat"]

    asyncio.run(scenario())


def test_places_that_are_none_reach_no_page() -> None:
    """A fix at 0, 0 makes no frame."""

    async def scenario() -> None:
        hub = Hub()
        client = hub.join()
        hub.publish([make_fix(latitude_deg=0.0, longitude_deg=0.0)])
        await asyncio.sleep(0.1)
        assert client.frames.empty()

    asyncio.run(scenario())


@pytest.mark.parametrize("pages", [1, 2])
def test_there_is_a_last_seat(pages: int) -> None:
    """The number of pages is bounded, and a page that leaves makes room."""

    async def scenario() -> None:
        hub = Hub(most_clients=pages)
        clients = [hub.join() for _ in range(pages)]
        assert hub.is_full
        hub.leave(clients[0])
        assert not hub.is_full

    asyncio.run(scenario())
