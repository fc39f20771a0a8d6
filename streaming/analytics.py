"""Fixes on Kafka in, staypoints, trips, gaps, anomalies and counts out: the Spark Structured Streaming job.

```
Kafka itrack.fixes ─┐                        ┌─> MongoDB staypoints, trips, gaps, anomalies, …
Kafka ….ticks ──────┼─> shards (one state) ──┼─> Kafka itrack.events
Kafka ….repairs ────┘    │             │     └─> Kafka itrack.dead-letter
      │    └── repairer <┘ late fixes  │
      └─────── silence clock <─────────┘ what is due
```
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import stamina
from py4j.protocol import Py4JError
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as everybody calls it
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.state import GroupStateTimeout

from itrack.errors import FixConfiguration, TryAgain
from itrack.kafka import ensure_topics
from itrack.part import Part
from itrack.settings import Settings, load_settings
from itrack.trajectory.fleet import warm_up
from itrack.trajectory.point import milliseconds_of
from streaming.analytics_metrics import (
    DEVICES,
    FIXES,
    QUERY_FAILURES,
    REPAIRS_ASKED,
    REPEATED,
    SET_ASIDE,
    STATE_BYTES,
)
from streaming.partitioning import shard_column, shard_numbers
from streaming.plan import ShardPlan
from streaming.progress import ProgressListener
from streaming.repairer import Repairer
from streaming.repairs import ensure_repair_topic, repair_topic
from streaming.shard_function import ABOUT_REPAIR, FIX, OUTPUT_SCHEMA, STATE_SCHEMA, TICK, shard_function
from streaming.shards import STATE_VERSION, ShardReport
from streaming.silence import SilenceClock, ensure_tick_topic, tick_topic
from streaming.sinks import AnalyticsSink
from streaming.spark_session import open_spark

__all__ = ["QUERY_NAME", "checkpoint_folder", "run"]

QUERY_NAME = "analytics"
_TURN_S = 0.25
_RESTART_WAIT_S = 5.0
_LAST_REPAIR_S = 5.0


def run(settings: Settings | None = None) -> None:
    """Run until SIGTERM. A query that dies is started again from its checkpoint.

    Raises:
        FixConfiguration: a port is taken, Java is missing, MongoDB refuses, or Kafka lost fixes that were not read.
        TryAgain: a jar could not be downloaded, or Spark's Java process died.
    """
    settings = settings or load_settings()
    with Part("analytics", settings, settings.analytics_metrics_port) as part:
        Analytics(settings, part).run()


def checkpoint_folder(settings: Settings) -> Path:
    """Where the query keeps its offsets and state: a folder for each topic, form of the state and number of shards."""
    name = f"{QUERY_NAME}-v{STATE_VERSION}-{settings.analytics_shards}-{settings.fixes_topic}"
    return settings.home.expanduser().resolve() / "checkpoints" / name


class Analytics:
    """The running job: Spark, the query, its sink and the silence clock."""

    def __init__(self, settings: Settings, part: Part) -> None:
        self._settings = settings
        self._part = part
        self._listener = ProgressListener()
        self._sink = AnalyticsSink(settings, part.stopping, part.unhealthy)
        self._refusal: FixConfiguration | None = None
        self._plan = ShardPlan.of(settings)
        self._begins_at: datetime | None = None

    def run(self) -> None:
        """Start everything, and keep the query running until the part is to stop."""
        if not self._prepare():
            return
        shards = shard_numbers(self._settings.analytics_shards)
        warm_up(self._plan.rules)
        self._repairer = Repairer(self._settings, self._plan, self._part.stopping, self._part.unhealthy)
        self._repairer.start()
        with closing(self._sink):
            spark = open_spark(self._settings, f"itrack-{QUERY_NAME}")
            try:
                spark.streams.addListener(self._listener)
                while not self._part.stopping.is_set() and self._repairer.failure is None:
                    self._clock = SilenceClock(self._settings, shards)
                    self._follow(self._start(spark, shards))
                spark.stop()
            except (Py4JError, ConnectionError) as error:
                raise TryAgain(f"Spark's Java process is gone ({error}). Start the analytics again.") from error
        self._repairer.join(_LAST_REPAIR_S)
        if self._repairer.failure is not None:
            raise self._repairer.failure

    def _prepare(self) -> bool:
        """Wait for Kafka and MongoDB and make what is missing there. False when the part is to stop first."""
        for attempt in stamina.retry_context(on=TryAgain, attempts=None, timeout=None, wait_max=2.0):
            with attempt:
                if self._part.stopping.is_set():
                    return False
                try:
                    ensure_topics(self._settings)
                    ensure_tick_topic(self._settings)
                    ensure_repair_topic(self._settings)
                    self._sink.prepare()
                    self._begins_at = self._sink.rebuilt_at()
                except TryAgain as error:
                    self._part.unhealthy(str(error))
                    raise
        return True

    def _start(self, spark: SparkSession, shards: list[int]) -> StreamingQuery:
        settings = self._settings
        return (
            _messages(spark, settings, shards, self._begins_at)
            .groupBy("shard")
            .applyInPandasWithState(
                shard_function(self._plan), OUTPUT_SCHEMA, STATE_SCHEMA, "append", GroupStateTimeout.NoTimeout
            )
            .writeStream.queryName(QUERY_NAME)
            .option("checkpointLocation", str(checkpoint_folder(settings)))
            .trigger(processingTime=f"{settings.analytics_trigger_ms} milliseconds")
            .foreachBatch(self._on_batch)
            .start()
        )

    def _on_batch(self, batch: DataFrame, _batch_id: int) -> None:
        try:
            reports = self._sink.write((row.kind, bytes(row.payload)) for row in batch.collect())
        except FixConfiguration as error:
            self._refusal = error  # Spark would only tell its text
            raise
        for report in reports:
            _count(report)
        self._clock.hear(reports)
        if reports:  # the very first batch is empty: the workers that judge are up once a shard has reported
            self._part.healthy()

    def _follow(self, query: StreamingQuery) -> None:
        """Keep time for the query until it ends or the part is to stop."""
        self._part.unhealthy("warming up: the first micro-batch is under way")
        try:
            while query.isActive and not self._part.stopping.wait(_TURN_S) and self._repairer.failure is None:
                self._keep_time(query)
            error = query.exception()
            if error is not None:
                self._died(error)
        finally:
            query.stop()

    def _keep_time(self, query: StreamingQuery) -> None:
        if self._listener.is_behind:
            return
        is_idle = not query.status["isDataAvailable"] and not query.status["isTriggerActive"]
        judged_until = datetime.now(UTC) if is_idle else self._listener.judged_until
        if judged_until is not None:
            self._clock.tick(judged_until)

    def _died(self, error: StreamingQueryException) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self._part.stopping.is_set():
            return
        text = str(error)
        if "failOnDataLoss" in text or "KAFKA_DATA_LOSS" in text:
            raise FixConfiguration(
                "Kafka no longer has fixes that the analytics had not read. Run `itrack rebuild`, which judges all of "
                "them anew from MongoDB, and start again."
            ) from error
        QUERY_FAILURES.inc()
        sentence = text.strip().splitlines()[0][:300] if text.strip() else type(error).__name__
        self._part.unhealthy(f"The streaming query died and is started again: {sentence}")
        self._part.log.error("query_died", error=text[:4000])
        self._part.stopping.wait(_RESTART_WAIT_S)


def _messages(spark: SparkSession, settings: Settings, shards: list[int], begins_at: datetime | None) -> DataFrame:
    """Fixes, ticks and what is about repairs as rows with the number of their shard.

    A new checkpoint begins with all that Kafka has; after a rebuild, with what came since.
    """
    by_device = shard_column(F.col("key"), shards)
    is_fix = F.col("topic") == settings.fixes_topic
    is_tick = F.col("topic") == tick_topic(settings)
    beginning = {"startingOffsets": "earliest"}
    if begins_at is not None:
        at_ms = str(milliseconds_of(begins_at))
        beginning = {"startingTimestamp": at_ms, "startingOffsetsByTimestampStrategy": "latest"}
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.kafka_address)
        .option("subscribe", f"{settings.fixes_topic},{tick_topic(settings)},{repair_topic(settings)}")
        .options(**beginning)
        .option("maxOffsetsPerTrigger", settings.analytics_max_fixes_per_batch)
        .option("failOnDataLoss", "true")
        .load()
        .select(
            F.when(is_fix, by_device).otherwise(F.col("key").cast("string").cast("int")).alias("shard"),
            F.when(is_fix, FIX).when(is_tick, TICK).otherwise(ABOUT_REPAIR).alias("what"),
            F.concat_ws("/", F.concat(F.lit("kafka:"), "topic"), "partition", "offset").alias("origin"),
            F.col("timestamp").alias("received_at"),
            "value",
        )
    )


def _count(report: ShardReport) -> None:
    FIXES.inc(report.fix_count)
    REPEATED.inc(report.repeated)
    REPAIRS_ASKED.inc(report.repairs)
    for reason, number in report.set_aside.items():
        SET_ASIDE.labels(reason=reason).inc(number)
    STATE_BYTES.labels(shard=report.shard).set(report.state_bytes)
    DEVICES.labels(shard=report.shard).set(report.device_count)
