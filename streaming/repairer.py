"""The repairer: judges a phone's past anew when fixes came too late for the stream, and tells what it changes.

A late fix is in MongoDB like every other. The repairer reads the phone's fixes from the anchor before it up to the base
that the shard stands on, judges them in order, writes what is different, and sends the shard the state that it should
have had. Until the shard has it, it goes on from what it had; then it compares, and tells what changes since the base.

Doing it twice changes nothing: what is found depends on the fixes alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import structlog
from pymongo.database import Database

from itrack.again import work_until_stopped
from itrack.mongo import Document, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from itrack.trajectory.fleet import Repaired
from itrack.trajectory.news import news_of_repair
from itrack.trajectory.point import instant_of
from streaming.analytics_metrics import REPAIR_SECONDS, REPAIRS_DONE, REPAIRS_WAITING
from streaming.anchors import anchors_of, replace_anchors
from streaming.outlet import Outlet, Stopped, other_writes, writes_of_events
from streaming.past import findings_since, judge_anew
from streaming.plan import ShardPlan
from streaming.repairs import WaitingRepair, forget_repair, repair_topic, waiting_repairs

__all__ = ["Repairer"]

_LOOK_EVERY_S = 0.5
_log = structlog.get_logger()


class Repairer(threading.Thread):
    """Does the repairs that wait in MongoDB, one after another, until it is stopped.

    Args:
        settings: where MongoDB and Kafka are.
        plan: what fixes are judged by.
        stopping: ends it between two repairs.
        on_trouble: told in a sentence when it has to try again.
    """

    def __init__(
        self, settings: Settings, plan: ShardPlan, stopping: threading.Event, on_trouble: Callable[[str], None]
    ) -> None:
        super().__init__(name="repairer", daemon=True)
        self._settings = settings
        self._plan = plan
        self._stopping = stopping
        self._on_trouble = on_trouble
        self._database: Database[Document] = open_database(settings, part="repairer")
        self._outlet = Outlet(settings, self._database, "itrack-repairer", stopping)
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Repair until stopped; what nobody foresaw ends it and is kept in `failure`."""
        try:
            work_until_stopped(self._work, self._stopping, on_failure=lambda error: self._on_trouble(str(error)))
        except Stopped:
            pass  # the repair still waits
        except BaseException as error:  # noqa: BLE001 - it crosses to the thread that runs the job, which raises it
            self.failure = error
        finally:
            self._database.client.close()

    def _work(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            waiting = waiting_repairs(self._database)
            REPAIRS_WAITING.set(len(waiting))
            for each in waiting:
                if self._stopping.is_set():
                    return
                with REPAIR_SECONDS.time():
                    self._repair(each)
                REPAIRS_DONE.inc()

    def _repair(self, waiting: WaitingRepair) -> None:
        repair = waiting.repair
        rules = self._plan.rules_of(repair.device_id)
        speaker = self._plan.speaker(repair.device_id)
        with asking_mongodb("read what a repair needs"):
            anew = judge_anew(
                self._database, repair.device_id, rules, since_at=instant_of(repair.since_ms), base=repair.base
            )
            before = list(findings_since(self._database, repair.device_id, anew.since_at))
        replayed = anew.replayed
        news = news_of_repair(before, replayed, speaker)
        self._outlet.store(writes_of_events(news))
        self._outlet.tell(news.events)
        self._outlet.store(other_writes(news))
        since_at, until_at = instant_of(repair.since_ms), instant_of(repair.base[0])
        anchors = [
            each for each in anchors_of(repair.device_id, replayed, rules.name) if each.base[0] >= repair.since_ms
        ]
        with asking_mongodb("keep anchors"):
            replace_anchors(self._database, repair.device_id, since_at, until_at, anchors)
        answer = Repaired(repair=repair, phone=replayed.phone.tobytes(), found=replayed.told.tobytes())
        topic = repair_topic(self._settings)
        self._outlet.publish(topic, [(str(waiting.shard).encode(), msgspec.json.encode(answer))])
        forget_repair(self._database, repair)
        _log.info("repaired", device=repair.device_id, fixes=len(anew.fixes), since=repair.since_ms)
