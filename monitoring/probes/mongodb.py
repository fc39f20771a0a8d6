"""Is MongoDB well, and do the parts that follow its change stream keep up with its oplog?

The server forgets the oldest writes in its oplog. A change stream whose bookmark is older than the oldest write it
still knows cannot be resumed: what lies between must be read again. So the bookmark's age is set beside the oplog's
length, both by the server's own clock, and while the reader itself may be down.
"""

from __future__ import annotations

from collections.abc import Iterator

from bson import Timestamp
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from pymongo.database import Database

from itrack import mongo
from itrack.mongo import BOOKMARKS, Document, open_database
from itrack.settings import Settings

__all__ = ["MongoDBProbe"]

_COLLECTIONS = (
    mongo.FIXES, mongo.DEVICES, mongo.SET_ASIDE, *mongo.FINDINGS.values(), mongo.REPAIRS,
)  # fmt: skip


class MongoDBProbe:
    """Asks the primary. Needs the role `clusterMonitor`, and `read` on the database."""

    name = "mongodb"

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self._database: Database[Document] = open_database(settings, part="watch", timeout_s=timeout_s)

    def measure(self) -> Iterator[Metric]:
        """Look at the server, its collections, its oplog and the bookmarks in it.

        Raises:
            PyMongoError: no primary answers, or it refuses.
        """
        yield from self._server()
        yield from self._documents()
        yield from self._oplog()

    def _server(self) -> Iterator[Metric]:
        status = self._database.client.admin.command("serverStatus")
        yield GaugeMetricFamily(
            "itrack_mongodb_primary",
            "1 when the server that answers takes writes, else 0.",
            value=float(bool(status.get("repl", {}).get("isWritablePrimary"))),
        )
        connections = GaugeMetricFamily(
            "itrack_mongodb_connections", "Connections in use (current) and still free (available).", labels=["state"]
        )
        for state in ("current", "available"):
            connections.add_metric([state], status["connections"][state])
        yield connections
        yield GaugeMetricFamily(
            "itrack_mongodb_resident_memory_bytes",
            "Memory of the server process.",
            value=status["mem"]["resident"] * 1024 * 1024,
        )

    def _documents(self) -> Iterator[Metric]:
        documents = GaugeMetricFamily(
            "itrack_mongodb_documents",
            "Documents in each collection, as its metadata counts them.",
            labels=["collection"],
        )
        for name in _COLLECTIONS:
            documents.add_metric([name], self._database[name].estimated_document_count())
        yield documents

    def _oplog(self) -> Iterator[Metric]:
        local = self._database.client.local
        size = local.command("collStats", "oplog.rs")
        yield GaugeMetricFamily(
            "itrack_mongodb_oplog_used_ratio",
            "Part of the oplog's size limit in use; near 1 each new write pushes an old one out.",
            value=size["size"] / size["maxSize"],
        )
        first, last = (
            local["oplog.rs"].find_one(sort=[("$natural", order)], projection={"ts": 1}) for order in (1, -1)
        )
        if first is None or last is None:
            return
        yield GaugeMetricFamily(
            "itrack_mongodb_oplog_window_seconds",
            "Time between the oldest and the newest write in the oplog.",
            value=_seconds(last["ts"]) - _seconds(first["ts"]),
        )
        ages = GaugeMetricFamily(
            "itrack_mongodb_bookmark_age_seconds",
            "Time between a reader's saved place in the change stream and the newest write in the oplog.",
            labels=["reader"],
        )
        of_producers = {"_id": {"$regex": "^producer"}, "token": {"$exists": True}}
        for bookmark in self._database[BOOKMARKS].find(of_producers, {"position_at": 1}):
            age_s = _seconds(last["ts"]) - bookmark["position_at"].timestamp()
            ages.add_metric([str(bookmark["_id"])], max(0.0, age_s))
        yield ages


def _seconds(timestamp: Timestamp) -> float:
    return float(timestamp.time)
