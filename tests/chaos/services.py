"""MongoDB and Kafka as the local stack starts them, changed a little for what is to be done to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from infra.jars import jar_folder
from infra.java import java_home
from infra.kafka import kafka_program
from infra.mongod import mongod_program
from infra.process import Program
from infra.workspace import Workspace
from itrack.settings import Settings
from tests.support.proxy import Proxy

__all__ = ["SMALL_JOURNAL", "kafka_behind", "small_mongod"]

SMALL_JOURNAL = ("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=4MB)")
"""Options of mongod, whose journal begins with three files of 100 MB otherwise."""


def small_mongod(workspace: Workspace, settings: Settings) -> Program:
    """As ever, but with a small journal, and looking for room on the disk every second."""
    program = mongod_program(workspace, settings)
    return dataclasses.replace(program, argv=[*program.argv, *SMALL_JOURNAL, "--syncdelay", "1"])


def kafka_behind(proxies: Sequence[Proxy], workspace: Workspace, settings: Settings) -> Program:
    """As ever, but with a listener behind each proxy, where the broker tells clients to come back through that proxy.

    A broker that was killed is let in again after its session has ended: after one second instead of nine.
    """
    program = kafka_program(workspace, settings, java_home(settings), jar_folder(workspace, "kafka"))
    ways = {f"WAY{number}": proxy for number, proxy in enumerate(proxies)}
    plain = f"PLAINTEXT://127.0.0.1:{settings.kafka_port}"
    controller = f"CONTROLLER://127.0.0.1:{settings.kafka_controller_port}"
    listen = [f"{name}://127.0.0.1:{proxy.target}" for name, proxy in ways.items()]
    advertise = [f"{name}://127.0.0.1:{proxy.port}" for name, proxy in ways.items()]
    protocols = [f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *ways)]
    with Path(program.argv[-1]).open("a") as properties:  # the last word on a property counts
        properties.write(
            f"listeners={','.join([plain, *listen, controller])}\n"
            f"advertised.listeners={','.join([plain, *advertise])}\n"
            f"listener.security.protocol.map={','.join(protocols)}\n"
            "inter.broker.listener.name=PLAINTEXT\n"
            "broker.session.timeout.ms=1000\n"
            "broker.heartbeat.interval.ms=300\n"
        )
    return program
