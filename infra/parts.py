"""The parts of I-Track as programs of the local stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
from pydantic import SecretStr

from infra.process import Program
from itrack.settings import Settings

__all__ = [
    "HABITS",
    "OPTIONAL_PARTS",
    "PARTS",
    "STAND_IN",
    "WATCH",
    "PartInfo",
    "health",
    "part_program",
    "settings_environment",
]


@dataclass(frozen=True)
class PartInfo:
    """A part's subcommand and the setting that says where its metrics and health are."""

    name: str
    port_setting: str

    def url(self, settings: Settings) -> str:
        """Base address of its `/metrics` and `/healthz`."""
        return f"http://127.0.0.1:{getattr(settings, self.port_setting)}"


PARTS = (
    PartInfo("bridge", "bridge_metrics_port"),
    PartInfo("producer", "producer_metrics_port"),
    PartInfo("analytics", "analytics_metrics_port"),
    PartInfo("map", "map_port"),
)
"""The parts that run all the time, in the order in which a fix meets them."""

STAND_IN = PartInfo("stand-in", "stand_in_metrics_port")
WATCH = PartInfo("watch", "watch_metrics_port")
HABITS = PartInfo("habits", "habits_metrics_port")
OPTIONAL_PARTS = (WATCH, HABITS, PartInfo("export", "export_metrics_port"), STAND_IN)
"""Parts that may run."""


def part_program(part: PartInfo, settings: Settings) -> Program:
    """The part as a child process with the same settings. Ready once its health says so."""
    return Program(
        name=part.name,
        argv=[sys.executable, "-m", "itrack", part.name],
        environment=settings_environment(settings),
        ports={getattr(settings, part.port_setting): f"ITRACK_{part.port_setting.upper()}"},
        is_ready=lambda: bool((health(part.url(settings)) or {}).get("healthy")),
        ready_within_s=120.0,
        stop_within_s=20.0,
    )


def health(url: str) -> dict[str, object] | None:
    """What `/healthz` under `url` says: `healthy`, `detail`, … None when nobody answers."""
    try:
        answer: dict[str, object] = httpx2.get(f"{url}/healthz", timeout=2.0, trust_env=False).json()
    except (httpx2.HTTPError, ValueError):
        return None
    return answer


def settings_environment(settings: Settings) -> Mapping[str, str]:
    """The settings as environment variables, so that a child process has the very same ones."""
    environment = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None and name != "port_offset":
            environment[f"ITRACK_{name.upper()}"] = str(value)
    return environment
