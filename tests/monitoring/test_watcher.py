"""The watcher keeps probes apart: one that fails or hangs costs its own metrics only."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily

from monitoring.watcher import Watcher


class _Probe:
    """Yields one gauge, then does what `then` does."""

    def __init__(self, name: str, then: threading.Event | Exception | None = None) -> None:
        self.name = name
        self._then = then
        self.looks = 0

    def measure(self) -> Iterator[Metric]:
        self.looks += 1
        yield GaugeMetricFamily(f"seen_{self.name}", "A number.", value=self.looks)
        if isinstance(self._then, Exception):
            raise self._then
        if isinstance(self._then, threading.Event):
            self._then.wait()


def _registry(watcher: Watcher) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(watcher)
    return registry


def _success(registry: CollectorRegistry, probe: str) -> float | None:
    return registry.get_sample_value("itrack_watch_probe_success", {"probe": probe})


def test_a_failing_probe_leaves_the_others_alone() -> None:
    """An exception in one probe is reported as its failure, and what it saw before is still served."""
    watcher = Watcher([_Probe("good"), _Probe("bad", ValueError("no\nway"))], timeout_s=5)
    problems = watcher.look()
    registry = _registry(watcher)
    assert problems == {"bad": "ValueError: no"}
    assert (_success(registry, "good"), _success(registry, "bad")) == (1, 0)
    assert registry.get_sample_value("seen_good") == 1
    assert registry.get_sample_value("seen_bad") == 1


def test_a_hanging_probe_costs_only_its_own_metrics() -> None:
    """A probe that does not come back is given up after the timeout, not started twice, and taken back when it ends."""
    gate = threading.Event()
    hanging = _Probe("hanging", gate)
    watcher = Watcher([hanging, _Probe("good")], timeout_s=0.2)
    registry = _registry(watcher)
    assert watcher.look() == {"hanging": "no answer within 0.2 s"}
    watcher.look()
    assert not gate.is_set()
    assert hanging.looks == 1
    assert (_success(registry, "hanging"), _success(registry, "good")) == (0, 1)
    assert registry.get_sample_value("seen_hanging") is None
    assert registry.get_sample_value("seen_good") == 2
    gate.set()
    deadline_s = time.monotonic() + 30
    while watcher.look() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert _success(registry, "hanging") == 1


def test_probes_run_side_by_side() -> None:
    """Two slow probes take as long as one: a look stays within its timeout however many probes there are."""
    both = threading.Barrier(2, timeout=30)

    class _Meeting:
        def __init__(self, name: str) -> None:
            self.name = name

        def measure(self) -> Iterator[Metric]:
            both.wait()
            yield GaugeMetricFamily(f"met_{self.name}", "1.", value=1)

    assert Watcher([_Meeting("a"), _Meeting("b")], timeout_s=30).look() == {}


def test_a_scrape_before_the_first_look_is_served() -> None:
    """Prometheus may come before the first look has ended: it gets an answer, not an error."""
    registry = _registry(Watcher([_Probe("good")], timeout_s=1))
    assert registry.get_sample_value("itrack_watch_last_look_timestamp_seconds") == 0
    assert _success(registry, "good") is None
