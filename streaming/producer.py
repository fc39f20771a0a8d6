"""`itrack producer`: every fix that enters MongoDB goes to Kafka, at least once, keyed by device.

Any number of them may run; they share the slots that devices are split into (`streaming.slots`).
"""

from __future__ import annotations

import gc

from itrack.again import work_until_stopped
from itrack.errors import TryAgain
from itrack.kafka import ensure_topics
from itrack.mongo import open_database
from itrack.part import Part
from itrack.settings import Settings, load_settings
from streaming.slot_keeper import SlotKeeper

__all__ = ["run"]


def run(settings: Settings | None = None) -> None:
    """Publish until SIGTERM.

    Raises:
        FixConfiguration: a person has to change something.
    """
    settings = settings or load_settings()
    _collect_garbage_rarely()
    with Part("producer", settings, settings.producer_metrics_port) as part:
        database = open_database(settings, part="producer", timeout_s=3.0)

        def keep_slots() -> None:
            ensure_topics(settings)
            SlotKeeper(settings, database, part).run()

        def say_what_is_wrong(error: TryAgain) -> None:
            part.unhealthy(str(error))

        try:
            work_until_stopped(keep_slots, part.stopping, on_failure=say_what_is_wrong)
        finally:
            database.client.close()


def _collect_garbage_rarely() -> None:
    """Batches are thousands of documents without cycles; looking for some at the usual pace is a fifth of the work."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
