"""The whole line on this machine: the local stack, Traccar's stand-in where none is named, and every part."""

from __future__ import annotations

import sys

from infra.jars import spark_jars
from infra.parts import HABITS, PARTS, STAND_IN, WATCH, health, part_program, settings_environment
from infra.process import Program
from infra.stack import LocalStack
from itrack.errors import FixConfiguration
from itrack.settings import Settings

__all__ = ["start_line"]


_SLOWEST = "analytics"


def start_line(stack: LocalStack) -> None:
    """Start everything that a fix meets, on a stack that runs, and wait for all but the analytics.

    Spark takes longest to warm up, and the map is of use meanwhile: `stack.wait_ready()` waits for the rest.

    Raises:
        FixConfiguration, TryAgain: as `LocalStack`; or a real Traccar is named, but not where its phones report.
    """
    settings = stack.settings
    if (settings.traccar_url is None) != (settings.osmand_url is None):
        raise FixConfiguration(
            "ITRACK_TRACCAR_URL and ITRACK_OSMAND_URL go together here: the demo's people report to the same Traccar "
            "that the bridge reads. Set both, or neither for the stand-in."
        )
    spark_jars(settings)
    parts = {part.name: part_program(part, settings) for part in (*PARTS, HABITS, WATCH)}
    stack.launch(parts.pop(_SLOWEST))
    if settings.traccar_url is None:
        stack.launch(_stand_in_program(settings))
        stack.wait_ready(_SLOWEST)
    stack.launch(*parts.values())
    stack.wait_ready(_SLOWEST)


def _stand_in_program(settings: Settings) -> Program:
    return Program(
        name=STAND_IN.name,
        argv=[sys.executable, "-m", "itrack", "stand-in"],
        environment=settings_environment(settings),
        ports={
            settings.traccar_port: "ITRACK_TRACCAR_PORT",
            settings.osmand_port: "ITRACK_OSMAND_PORT",
            settings.stand_in_metrics_port: "ITRACK_STAND_IN_METRICS_PORT",
        },
        is_ready=lambda: bool((health(STAND_IN.url(settings)) or {}).get("healthy")),
    )
