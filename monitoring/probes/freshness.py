"""How new is the newest fix in MongoDB?

By the clocks of servers only: a phone with a wrong clock can claim to have measured a place tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from pymongo import DESCENDING
from pymongo.database import Database

from itrack.mongo import FIXES, Document, open_database
from itrack.settings import Settings

__all__ = ["FreshnessProbe"]


class FreshnessProbe:
    """Reads the two times of one fix, by an index. Needs `read` on the database."""

    name = "freshness"

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self._database: Database[Document] = open_database(settings, part="watch", timeout_s=timeout_s)

    def measure(self) -> Iterator[Metric]:
        """Look at the fix that was stored last; nothing is yielded while there is none.

        Raises:
            PyMongoError: MongoDB does not answer, or refuses.
        """
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
