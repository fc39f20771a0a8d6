"""The peer: the MongoDB Kafka connector under Kafka Connect standalone, tuned and given the producer's projection."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx2
import psutil

from infra.jars import jar_folder
from infra.java import java_home
from infra.process import Child, Program
from infra.workspace import Workspace
from itrack.mongo import FIXES
from itrack.settings import Settings

__all__ = ["running_connector"]

_PIPELINE = [
    {"$match": {"operationType": {"$nin": ["delete", "update"]}}},
    {"$project": {"operationType": 1, "ns": 1, "documentKey": 1, "fullDocument": 1}},
    {"$unset": "fullDocument.attributes_json"},
]


@contextmanager
def running_connector(settings: Settings, since_at: datetime) -> Iterator[psutil.Process]:
    """The connector as a process that publishes to `settings.fixes_topic` what was stored since a moment."""
    port = settings.producer_metrics_port
    jars = jar_folder(Workspace(settings), "kafka-connect")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {"worker": _worker(settings, folder, port), "connector": _connector(settings, since_at)}
        for each, properties in files.items():
            lines = [f"{key}={value}\n" for key, value in properties.items()]
            (folder / f"{each}.properties").write_text("".join(lines))
        program = Program(
            name="connector",
            argv=[
                str(java_home(settings) / "bin" / "java"), "-Xms256m", "-Xmx1g", "-XX:+UseG1GC",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*",
                "org.apache.kafka.connect.cli.ConnectStandalone",
                str(folder / "worker.properties"), str(folder / "connector.properties"),
            ],
            is_ready=lambda: _is_running(port),
            ports={port: "ITRACK_PRODUCER_METRICS_PORT"},
        )  # fmt: skip
        child = Child(program, folder)
        child.start()
        try:
            child.wait_ready()
            yield psutil.Process(child.pid)
        finally:
            child.stop()


def _worker(settings: Settings, folder: Path, port: int) -> dict[str, object]:
    return {
        "bootstrap.servers": settings.kafka_address,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        "offset.storage.file.filename": folder / "offsets",
        "offset.flush.interval.ms": 1000,
        "listeners": f"HTTP://127.0.0.1:{port}",
        "producer.linger.ms": 1,  # as the producer's own
        "producer.batch.size": 131_072,
    }


def _connector(settings: Settings, since_at: datetime) -> dict[str, object]:
    return {
        "name": "mongodb",
        "connector.class": "com.mongodb.kafka.connect.MongoSourceConnector",
        "tasks.max": 1,
        "connection.uri": settings.mongodb_address,
        "database": settings.mongodb_database,
        "collection": FIXES,
        "pipeline": json.dumps(_PIPELINE),
        "topic.namespace.map": json.dumps({"*": settings.fixes_topic}),
        "publish.full.document.only": "true",
        "output.format.key": "json",
        "output.format.value": "json",
        "output.json.formatter": "com.mongodb.kafka.connect.source.json.formatter.SimplifiedJson",
        "poll.max.batch.size": 5_000,
        "batch.size": 5_000,
        "startup.mode": "timestamp",
        "startup.mode.timestamp.start.at.operation.time": int(since_at.timestamp()),
    }


def _is_running(port: int) -> bool:
    try:
        status = httpx2.get(f"http://127.0.0.1:{port}/connectors/mongodb/status", timeout=2.0).json()
    except (httpx2.HTTPError, ValueError):
        return False
    return [task["state"] for task in status.get("tasks", [])] == ["RUNNING"]
