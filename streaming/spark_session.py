"""Starting Spark with little memory and this environment's own Python and jars."""

from __future__ import annotations

import os
import signal
import sys
import warnings

from pyspark.sql import SparkSession

from infra.jars import spark_jars
from infra.java import java_home
from itrack.settings import Settings

__all__ = ["open_spark"]

_CHECKPOINT_FILES = "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
"""Spark's default for local folders starts a `chmod` process for every file of a checkpoint, twenty a batch."""

_PANDAS_3 = "PySpark does not yet fully support pandas"


def open_spark(settings: Settings, app_name: str) -> SparkSession:
    """A Spark session at `settings.spark_master`.

    Raises:
        TryAgain, FixConfiguration: the jars or a JDK are missing and could not be fetched.
    """
    os.environ["JAVA_HOME"] = str(java_home(settings))
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    # Said at every start, here and in the workers; what is used of pandas 3 with Spark is covered by tests.
    warnings.filterwarnings("ignore", _PANDAS_3, FutureWarning)
    os.environ.setdefault("PYTHONWARNINGS", f"ignore:{_PANDAS_3}:FutureWarning")
    scratch = settings.home.expanduser().resolve() / "spark"
    scratch.mkdir(parents=True, exist_ok=True)
    builder = SparkSession.builder.appName(app_name).master(settings.spark_master)
    for name, value in {
        "spark.jars": ",".join(str(jar) for jar in spark_jars(settings)),
        "spark.driver.memory": f"{settings.spark_driver_memory_mib}m",
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k -Duser.timezone=UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(settings.analytics_shards),
        "spark.sql.streaming.checkpointFileManagerClass": _CHECKPOINT_FILES,
        "spark.sql.streaming.minBatchesToRetain": "20",
        "spark.sql.streaming.pollingDelay": "50ms",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
        "spark.metrics.namespace": "itrack",
    }.items():
        builder = builder.config(name, value)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    spark = builder.getOrCreate()
    for number, handler in handlers.items():
        signal.signal(number, handler)  # Spark puts its own in place; ours stops the query first
    spark.sparkContext.setLogLevel("ERROR")
    return spark
