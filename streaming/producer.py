"""`itrack producer`: every fix that enters MongoDB goes to Kafka, at least once, keyed by device.

Any number of them may run; they share the slots that devices are split into (`streaming.slots`).
"""

from __future__ import annotations

import gc

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
        database = open_database(settings, part="producer", timeout_s=3.0, answer_s=15.0)
        try:
            SlotKeeper(settings, database, part).run()
        finally:
            database.client.close()


def _collect_garbage_rarely() -> None:
    """Batches are thousands of documents without cycles; looking for some at the usual pace is a fifth of the work."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
