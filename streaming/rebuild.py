"""`itrack rebuild`: every phone's whole past judged anew from MongoDB, spread over Spark's cores.

Needed when rules or the form of the state have changed, or when Kafka no longer has what the analytics had not read. It
writes what differs, and leaves each phone's state for the analytics, which then begin at the moment of the rebuild. It
tells no events: whoever shows findings reads them anew.

Each phone is judged by itself, from its first fix on, by the functions that the stream calls. So a rebuild may be
killed and begun again, and finds the same.
"""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
import msgspec
import pandas as pd
import typer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as everybody calls it

from itrack.errors import FixConfiguration
from itrack.mongo import FIXES, REPAIRS, ensure_indexes, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.report_file import require_writable, write_report
from itrack.settings import Settings, load_settings
from itrack.trajectory.fleet import Repair, Repaired
from itrack.trajectory.news import News, news_of_repair
from itrack.trajectory.point import instant_of, milliseconds_of
from streaming.analytics import checkpoint_folder
from streaming.anchors import anchors_of, replace_anchors
from streaming.outlet import Outlet, grow, other_writes, writes_of_events
from streaming.partitioning import shard_column, shard_numbers
from streaming.past import JudgedAnew, findings_since, judge_anew
from streaming.plan import ShardPlan
from streaming.rebuild_mark import note_rebuild
from streaming.repairs import ensure_repair_topic, repair_topic
from streaming.spark_session import open_spark

__all__ = ["Rebuilt", "command", "rebuild"]

_CLOCKS_DIFFER_BY = timedelta(minutes=1)
_PHONES_A_TASK = 50
_BEGINNING_MS = -(2**62)


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did, or would do.

    Attributes:
        phones, fixes: how many were judged.
        written, removed: findings that were not stored so, and that are no longer so.
        is_dry: nothing was written.
    """

    phones: int
    fixes: int
    written: int
    removed: int
    is_dry: bool


def rebuild(settings: Settings, *, is_dry: bool = False) -> Rebuilt:
    """Judge everything anew.

    Args:
        settings: where everything is. The analytics must not run.
        is_dry: count, and write nothing.

    Raises:
        TryAgain: MongoDB or Kafka is away.
    """
    began_at = datetime.now(UTC)
    plan = ShardPlan.of(settings)
    if not is_dry:
        ensure_repair_topic(settings)
    database = open_database(settings, part="rebuild")
    try:
        with asking_mongodb("list the phones"):
            ensure_indexes(database)
            device_ids = sorted(map(str, database[FIXES].distinct("device_id")))
        spark = open_spark(settings, "itrack-rebuild")
        try:
            counts = _counted(spark, settings, plan, device_ids, is_dry=is_dry)
        finally:
            spark.stop()
        if not is_dry:
            with asking_mongodb("forget repairs that a rebuild makes needless"):
                database[REPAIRS].delete_many({})
            note_rebuild(database, began_at - _CLOCKS_DIFFER_BY)
    finally:
        database.client.close()
    return Rebuilt(
        phones=len(device_ids),
        fixes=counts["fixes"],
        written=counts["written"],
        removed=counts["removed"],
        is_dry=is_dry,
    )


def command(*, is_dry: bool, json: Path | None) -> None:
    """Rebuild, put the old checkpoint aside, and say what was done."""
    if json is not None:
        require_writable(json)
    settings = load_settings()
    checkpoint = checkpoint_folder(settings)
    if not is_dry and _is_running(settings):
        raise FixConfiguration(
            "The analytics are running. Stop them first; they go on from the rebuilt state afterwards."
        )
    rebuilt = rebuild(settings, is_dry=is_dry)
    typer.echo(
        f"Judged {rebuilt.fixes} fixes of {rebuilt.phones} phones anew: {rebuilt.written} findings "
        f"{'would be' if is_dry else 'were'} written, {rebuilt.removed} removed."
    )
    if not is_dry and checkpoint.exists():
        shutil.rmtree(checkpoint)
        typer.echo("The old checkpoint is gone: the analytics begin with the rebuilt states.")
    if json is not None:
        write_report(json, rebuilt)


def _is_running(settings: Settings) -> bool:
    """Whether analytics with these settings answer on this machine."""
    try:
        httpx2.get(f"http://127.0.0.1:{settings.analytics_metrics_port}/healthz", timeout=2.0, trust_env=False)
    except httpx2.HTTPError:
        return False
    return True


def _counted(
    spark: SparkSession, settings: Settings, plan: ShardPlan, device_ids: list[str], *, is_dry: bool
) -> Counter[str]:
    if not device_ids:
        return Counter()
    phones: DataFrame = spark.createDataFrame([(each,) for each in device_ids], "device_id string")
    shards = shard_numbers(settings.analytics_shards)
    tasks = max(spark.sparkContext.defaultParallelism, -(-len(device_ids) // _PHONES_A_TASK))
    rows = (
        phones.withColumn("shard", shard_column(F.col("device_id").cast("binary"), shards))
        .repartition(tasks, "device_id")
        .mapInPandas(_judging(settings, plan, is_dry=is_dry), "what string, number long")
        .collect()
    )
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.what] += row.number
    return counts


def _judging(
    settings: Settings, plan: ShardPlan, *, is_dry: bool
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """What each task does with its phones."""

    def judge(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        counts: Counter[str] = Counter()
        with _Judge(settings, plan, is_dry=is_dry) as judge_:
            for frame in frames:
                for device_id, shard in zip(frame["device_id"], frame["shard"], strict=True):
                    counts += judge_.judge(device_id, int(shard))
        yield pd.DataFrame({"what": list(counts.keys()), "number": list(counts.values())})

    return judge


class _Judge:
    """Judges one phone after another, and writes unless it is dry. A context manager."""

    def __init__(self, settings: Settings, plan: ShardPlan, *, is_dry: bool) -> None:
        self._plan = plan
        self._is_dry = is_dry
        self._topic = repair_topic(settings)
        self._database = open_database(settings, part="rebuild")
        self._outlet = Outlet(settings, self._database, "itrack-rebuild", threading.Event())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.client.close()

    def judge(self, device_id: str, shard: int) -> Counter[str]:
        """Judge one phone's past; returns what was counted."""
        with asking_mongodb("read a phone's past"):
            anew = judge_anew(self._database, device_id, self._plan.rules_of(device_id))
            before = list(findings_since(self._database, device_id, None))
        news = news_of_repair(before, anew.replayed, self._plan.speaker(device_id))
        if not self._is_dry:
            self._write(device_id, shard, anew, news)
        removed = sum(event.kind.is_withdrawal for event in news.events) + len(news.dropped)
        written = len(news.events) + len(news.kept) + len(news.dropped) - removed
        return Counter({"fixes": len(anew.fixes), "written": written, "removed": removed})

    def _write(self, device_id: str, shard: int, anew: JudgedAnew, news: News) -> None:
        base = anew.replayed.base
        if base is None:
            return
        self._outlet.store(writes_of_events(news))
        rest = other_writes(news)
        for staypoint in news.progress:
            grow(rest, staypoint)
        self._outlet.store(rest)
        with asking_mongodb("keep anchors"):
            anchors = anchors_of(device_id, anew.replayed, self._plan.rules_of(device_id).name)
            replace_anchors(self._database, device_id, None, instant_of(base[0]), anchors)
        answer = msgspec.json.encode(_answer(device_id, base, anew))
        self._outlet.publish(self._topic, [(str(shard).encode(), answer)])


def _answer(device_id: str, base: tuple[int, int, int], anew: JudgedAnew) -> Repaired:
    """The state that the analytics go on from; number 0 says that nobody asked."""
    stored = [milliseconds_of(fix.stored_at) for fix in anew.fixes if fix.stored_at is not None]
    return Repaired(
        repair=Repair(device_id=device_id, number=0, since_ms=_BEGINNING_MS, base=base),
        phone=anew.replayed.phone.tobytes(),
        found=anew.replayed.told.tobytes(),
        stored_ms=max(stored, default=_BEGINNING_MS),
    )
