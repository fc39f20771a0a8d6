"""What Spark tells about the streaming query after each micro-batch."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyspark.sql.streaming.listener import StreamingQueryListener

from streaming.analytics_metrics import BATCH_SECONDS, LAST_PROGRESS, OFFSETS_BEHIND, ROWS

if TYPE_CHECKING:
    from pyspark.sql.streaming.listener import (
        QueryIdleEvent,
        QueryProgressEvent,
        QueryStartedEvent,
        QueryTerminatedEvent,
    )

__all__ = ["ProgressListener"]


class ProgressListener(StreamingQueryListener):
    """Sets the metrics and remembers until when everything was judged. Constant work a batch.

    Attributes:
        judged_until: trigger time of the newest batch that left nothing unread; None before the first.
        is_behind: the newest batch left messages unread.
    """

    def __init__(self) -> None:
        self.judged_until: datetime | None = None
        self.is_behind = True

    def onQueryStarted(self, _event: QueryStartedEvent) -> None:  # noqa: N802 - Spark's name
        """A query has started: what is unread is unknown."""
        self.is_behind = True

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        """A micro-batch is done."""
        progress = json.loads(event.progress.json)
        behind = max(
            (int(source.get("metrics", {}).get("maxOffsetsBehindLatest", 0)) for source in progress["sources"]),
            default=0,
        )
        self.is_behind = behind > 0
        if not self.is_behind:
            self.judged_until = datetime.fromisoformat(progress["timestamp"])
        LAST_PROGRESS.set_to_current_time()
        OFFSETS_BEHIND.set(behind)
        ROWS.inc(int(progress.get("numInputRows", 0)))
        BATCH_SECONDS.observe(progress.get("batchDuration", 0) / 1000)

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        """There was nothing to do."""
        LAST_PROGRESS.set_to_current_time()
        OFFSETS_BEHIND.set(0)
        self.is_behind = False
        self.judged_until = max(
            self.judged_until or datetime.min.replace(tzinfo=UTC), datetime.fromisoformat(event.timestamp)
        )

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        """Whoever waits for the query says why it ended."""
