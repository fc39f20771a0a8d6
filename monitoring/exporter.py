"""`itrack watch`: metrics of what has no exporter of its own here: MongoDB, Kafka, S3, this machine, the newest fix."""

from __future__ import annotations

from prometheus_client import REGISTRY

from itrack.part import Part
from itrack.settings import Settings, load_settings
from monitoring.probes.freshness import FreshnessProbe
from monitoring.probes.host import HostProbe
from monitoring.probes.kafka import KafkaProbe
from monitoring.probes.mongodb import MongoDBProbe
from monitoring.probes.s3 import S3Probe
from monitoring.watcher import Watcher

__all__ = ["run", "watcher_of"]

_LOOK_EVERY_S = 10.0
_LOOK_TIMEOUT_S = 4.0
_CLIENT_TIMEOUT_S = 3.0
"""Shorter than a look, so that the client's own reason is told."""


def watcher_of(settings: Settings) -> Watcher:
    """A watcher over everything the settings name."""
    return Watcher(
        [
            MongoDBProbe(settings, _CLIENT_TIMEOUT_S),
            KafkaProbe(settings, _CLIENT_TIMEOUT_S),
            S3Probe(settings),
            HostProbe(settings),
            FreshnessProbe(settings, _CLIENT_TIMEOUT_S),
        ],
        timeout_s=_LOOK_TIMEOUT_S,
    )


def run(settings: Settings | None = None) -> None:
    """Look every few seconds and serve what was seen, until SIGTERM.

    A service that is down does not make the watch unwell: telling so is its work.

    Raises:
        FixConfiguration: the port is taken.
    """
    settings = settings or load_settings()
    with Part("watch", settings, settings.watch_metrics_port) as part:
        watcher = watcher_of(settings)
        REGISTRY.register(watcher)
        problems: dict[str, str] = {}
        while not part.stopping.is_set():
            before, problems = problems, watcher.look()
            for probe in problems.keys() - before.keys():
                part.log.warning("probe_fails", probe=probe, problem=problems[probe])
            for probe in before.keys() - problems.keys():
                part.log.info("probe_works_again", probe=probe)
            part.healthy(f"looking; failing probes: {', '.join(sorted(problems)) or 'none'}")
            part.stopping.wait(_LOOK_EVERY_S)
