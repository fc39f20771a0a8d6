"""How new is the newest fix in MongoDB, and how old the oldest?

By the clocks of servers only: a phone with a wrong clock can claim to have measured a place tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from itrack.mongo import FIXES, Document, open_database
from itrack.settings import Settings

__all__ = ["FreshnessProbe"]


class FreshnessProbe:
    """Reads times of two fixes, by an index. Needs `read` on the database."""

    name = "freshness"

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self._database: Database[Document] = open_database(settings, part="watch", timeout_s=timeout_s)
        self._retention_days = settings.retention_days

    def measure(self) -> Iterator[Metric]:
        """Look at the fixes that were stored last and first; of those, nothing is yielded while there are none.

        Raises:
            PyMongoError: MongoDB does not answer, or refuses.
        """
        if self._retention_days is not None:
            yield GaugeMetricFamily(
                "itrack_fixes_retention_seconds",
                "How long fixes are to be kept; absent when for ever.",
                value=self._retention_days * 86_400.0,
            )
        newest = self._database[FIXES].find_one(
            sort=[("stored_at", DESCENDING)], projection={"_id": 0, "stored_at": 1, "server_at": 1}
        )
        if newest is None:
            return
        yield GaugeMetricFamily(
            "itrack_fixes_newest_stored_timestamp_seconds",
            "When the bridge stored the newest fix.",
            value=newest["stored_at"].timestamp(),
        )
        yield GaugeMetricFamily(
            "itrack_fixes_newest_server_timestamp_seconds",
            "When Traccar received that fix.",
            value=newest["server_at"].timestamp(),
        )
        oldest = self._database[FIXES].find_one(
            {"stored_at": {"$type": "date"}}, sort=[("stored_at", ASCENDING)], projection={"_id": 0, "stored_at": 1}
        )
        if oldest is not None:
            yield GaugeMetricFamily(
                "itrack_fixes_oldest_stored_timestamp_seconds",
                "When the bridge stored the oldest fix that is still there.",
                value=oldest["stored_at"].timestamp(),
            )
