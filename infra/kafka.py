"""The local Kafka: one broker that is its own controller (KRaft)."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.process import Program
from infra.workspace import Workspace
from itrack.errors import TryAgain
from itrack.settings import Settings

__all__ = ["kafka_program"]

_LOG4J = """\
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1} %m%n
"""


def kafka_program(workspace: Workspace, settings: Settings, java_home: Path, jars: Path) -> Program:
    """A broker on the loopback address, formatted at the first start. Ready once it answers an admin client.

    Raises:
        TryAgain: its storage could not be formatted.
    """
    folder = workspace.run / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    data = workspace.data / "kafka"
    properties = folder / "server.properties"
    properties.write_text(_server_properties(settings, data))
    log4j = folder / "log4j2.properties"
    log4j.write_text(_LOG4J)
    java = str(java_home / "bin" / "java")
    class_path = f"{jars}/*"
    if not (data / "meta.properties").exists():
        _format(java, class_path, properties)
    return Program(
        name="kafka",
        argv=[
            java,
            "-Xms256m",
            "-Xmx512m",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={log4j}",
            "-cp",
            class_path,
            "kafka.Kafka",
            str(properties),
        ],
        ports={
            settings.kafka_port: "ITRACK_KAFKA_PORT",
            settings.kafka_controller_port: "ITRACK_KAFKA_CONTROLLER_PORT",
        },
        is_ready=lambda: _answers(f"127.0.0.1:{settings.kafka_port}"),
        stop_within_s=30,
    )


def _server_properties(settings: Settings, data: Path) -> str:
    broker, controller = settings.kafka_port, settings.kafka_controller_port
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={Workspace.in_properties(data)}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
"""


def _format(java: str, class_path: str, properties: Path) -> None:
    cluster_id = "-"
    while cluster_id.startswith("-"):  # the tool would take it for an option
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    done = subprocess.run(
        [java, "-Xmx128m", "-cp", class_path, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", properties],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise TryAgain(f"Kafka's storage could not be formatted: {(done.stderr or done.stdout).strip()[-400:]}")


def _answers(address: str) -> bool:
    admin = AdminClient({"bootstrap.servers": address, "client.id": "itrack-stack", "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=1.0).brokers)
    except KafkaException:
        return False
