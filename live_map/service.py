"""What runs behind the pages: the feed from Kafka, the roster of phones, the signs of life."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from pymongo.database import Database

from itrack.fix import Fix
from itrack.mobility import Event
from itrack.mongo import Document
from itrack.settings import Settings
from live_map.feed import Feed
from live_map.frames import Beat, Resync
from live_map.health import Health
from live_map.hub import Hub
from live_map.roster import Roster, read_devices

__all__ = ["Service"]

_BEAT_S = 10.0


class Service:
    """Moves news from Kafka and MongoDB to the hub while `running()` lasts.

    Args:
        crashed: called on the event loop with an error that nobody foresaw.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database[Document],
        health: Health,
        crashed: Callable[[BaseException], None],
    ) -> None:
        self.hub = Hub()
        self._settings = settings
        self._health = health
        self._crashed = crashed
        self._roster = Roster(
            read=lambda: read_devices(database),
            changed=lambda devices: self.hub.publish(devices=devices),
            say=lambda ok, detail: health.say("database", ok=ok, detail=detail),
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work until the block ends."""
        loop = asyncio.get_running_loop()
        feed = Feed(
            self._settings,
            deliver=lambda fixes, events: _call(loop, self._deliver, fixes, events),
            begun=lambda: _call(loop, self.hub.say, Resync()),
            say=lambda ok, detail: _call(loop, self._feed_says, ok, detail),
            crashed=lambda: _call(loop, self._feed_crashed, feed),
        )
        tasks = [asyncio.create_task(self._roster.run()), asyncio.create_task(self._beat())]
        for task in tasks:
            task.add_done_callback(self._task_ended)
        feed.start()
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(feed.stop)

    def _deliver(self, fixes: list[Fix], events: list[Event]) -> None:
        self.hub.publish(fixes, events)
        self._roster.seen({fix.device_id for fix in fixes})

    def _feed_says(self, ok: bool, detail: str) -> None:
        was_ok, _ = self._health.of("feed")
        self._health.say("feed", ok=ok, detail=detail)
        if ok != was_ok:
            self.hub.say(self._beat_now())

    def _feed_crashed(self, feed: Feed) -> None:
        if feed.error is not None:
            self._crashed(feed.error)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crashed(error)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            self.hub.say(self._beat_now())

    def _beat_now(self) -> Beat:
        feed_ok, feed_detail = self._health.of("feed")
        return Beat(server_at=datetime.now(UTC), feed_ok=feed_ok, feed_detail=feed_detail)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    """Call something on the event loop from another thread; a loop that has ended needs no news."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *arguments)
