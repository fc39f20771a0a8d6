"""Looks at things by probes, each in a thread of its own, and keeps what they saw for the next scrape."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

__all__ = ["Probe", "Watcher"]


class Probe(Protocol):
    """Looks at one thing.

    Attributes:
        name: one word; the label `probe` of the metrics about the probe itself.
    """

    name: str

    def measure(self) -> Iterator[Metric]:
        """Look once. What was yielded before an error is kept; any error means that the probe failed."""
        ...


@dataclass
class _Look:
    """What one probe saw when it looked once."""

    seen: list[Metric] = field(default_factory=list)
    problem: str | None = None
    duration_s: float = 0.0


class Watcher(Collector):
    """Runs probes and serves what they saw.

    A scrape never waits for a probe: it gets the last look. A probe that fails or hangs costs its own metrics only.

    Args:
        probes: each with a name of its own.
        timeout_s: how long one look may take.
    """

    def __init__(self, probes: Sequence[Probe], timeout_s: float) -> None:
        self._runners = [_Runner(probe) for probe in probes]
        self._timeout_s = timeout_s
        self._looks: dict[str, _Look] = {}
        self._looked_at_s = 0.0

    def look(self) -> dict[str, str]:
        """Run every probe once, side by side.

        Returns:
            What went wrong, as a sentence, by the probe's name; empty when all is well.
        """
        started_s = time.monotonic()
        for runner in self._runners:
            runner.start()
        self._looks = {
            runner.probe.name: runner.result(self._timeout_s, self._timeout_s - (time.monotonic() - started_s))
            for runner in self._runners
        }
        self._looked_at_s = time.time()
        return {name: look.problem for name, look in self._looks.items() if look.problem is not None}

    def collect(self) -> Iterator[Metric]:
        """Everything the last look saw, and how the probes did (called by prometheus-client)."""
        looks = self._looks
        success = GaugeMetricFamily(
            "itrack_watch_probe_success", "1 when the probe's last look went well, else 0.", labels=["probe"]
        )
        duration = GaugeMetricFamily(
            "itrack_watch_probe_duration_seconds", "How long the probe's last look took.", labels=["probe"]
        )
        for name, look in looks.items():
            success.add_metric([name], float(look.problem is None))
            duration.add_metric([name], look.duration_s)
        yield success
        yield duration
        yield GaugeMetricFamily(
            "itrack_watch_last_look_timestamp_seconds", "When all probes last looked.", value=self._looked_at_s
        )
        for look in looks.values():
            yield from look.seen


class _Runner:
    """Runs one probe in a daemon thread, so that one that hangs blocks neither the others nor the end."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._thread: Thread | None = None
        self._look = _Look()

    def start(self) -> None:
        """Begin a look, unless the one before still hangs."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._look = _Look()
        self._thread = Thread(target=self._measure, args=[self._look], name=f"probe-{self.probe.name}", daemon=True)
        self._thread.start()

    def result(self, timeout_s: float, left_s: float) -> _Look:
        """The look that was begun, once it ends or `left_s` have passed."""
        if self._thread is not None:
            self._thread.join(max(0.0, left_s))
            if self._thread.is_alive():
                return _Look(problem=f"no answer within {timeout_s:g} s", duration_s=timeout_s)
        return self._look

    def _measure(self, look: _Look) -> None:
        started_s = time.monotonic()
        try:
            for metric in self.probe.measure():
                look.seen.append(metric)
        except Exception as error:  # noqa: BLE001 - one probe's trouble must not reach the others; it is reported
            look.problem = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        look.duration_s = time.monotonic() - started_s
