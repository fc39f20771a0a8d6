"""Has this machine room left?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from itrack.settings import Settings

__all__ = ["HostProbe"]


class HostProbe:
    """Looks at the machine it runs on. Needs no rights."""

    name = "host"

    def __init__(self, settings: Settings) -> None:
        home = settings.home.expanduser().resolve()
        self._folder = next(folder for folder in (home, *home.parents) if folder.exists())

    def measure(self) -> Iterator[Metric]:
        """Look at the disk that holds the home folder, at memory and at the processors."""
        yield from _disk(self._folder)
        memory = psutil.virtual_memory()
        yield GaugeMetricFamily("itrack_host_memory_total_bytes", "Memory of the machine.", value=memory.total)
        yield GaugeMetricFamily(
            "itrack_host_memory_available_bytes", "Memory that programs can still get.", value=memory.available
        )
        times = psutil.cpu_times()
        yield GaugeMetricFamily("itrack_host_cpus", "Processors of the machine.", value=psutil.cpu_count() or 1)
        yield CounterMetricFamily(
            "itrack_host_cpu_busy_seconds",
            "Processor time spent, over all processors, since the machine started.",
            value=sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0),
        )


def _disk(folder: Path) -> Iterator[Metric]:
    disk = psutil.disk_usage(str(folder))
    yield GaugeMetricFamily(
        "itrack_host_disk_total_bytes", "Size of the disk that holds ITRACK_HOME.", value=disk.total
    )
    yield GaugeMetricFamily(
        "itrack_host_disk_free_bytes", "Space left there for the user I-Track runs as.", value=disk.free
    )
