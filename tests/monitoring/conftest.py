"""What the monitoring tests share: promtool, and the metrics that the code defines."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from infra.parts import health, settings_environment
from itrack.settings import Settings

ROOT = Path(__file__).parent.parent.parent
PARTS = ("traccar_bridge", "streaming", "live_map", "batch_export", "habits")
HOW_TO_INSTALL = "sudo apt-get install --no-install-recommends prometheus"

Promtool = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class MetricInfo:
    """A metric as its code defines it; `name` as a person meets it, a counter's with `_total`."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str

    @property
    def samples(self) -> list[str]:
        """The names a query can use."""
        if self.kind == "histogram":
            return [f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count"]
        return [self.name]


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Runs promtool and gives what it said; skips where there is none."""
    binary = _binary("promtool")

    def run(*arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary, *map(str, arguments)], input=text, capture_output=True, text=True, check=False, timeout=60
        )

    return run


@pytest.fixture(scope="session")
def prometheus_binary() -> str:
    """Where the real Prometheus is; skips where there is none."""
    return _binary("prometheus")


def _binary(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH; on Debian and Ubuntu: {HOW_TO_INSTALL}")
    return found


@pytest.fixture
def start_watch(settings: Settings) -> Iterator[Callable[..., str]]:
    """Starts `itrack watch`, waits until it is well and gives its address; keyword arguments override settings.

    In the end it must stop at SIGTERM within seconds.
    """
    running: list[subprocess.Popen[bytes]] = []

    def start(**overrides: object) -> str:
        mine = settings.model_copy(update=overrides)
        process = subprocess.Popen(
            [sys.executable, "-m", "itrack", "watch"], env={**os.environ, **settings_environment(mine)}
        )
        running.append(process)
        url = f"http://127.0.0.1:{mine.watch_metrics_port}"
        deadline_s = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline_s:
            if (health(url) or {}).get("healthy"):
                return url
            time.sleep(0.2)
        raise AssertionError(f"the watch did not get ready (exit status {process.poll()})")

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.fixture(scope="session")
def code_metrics() -> dict[str, MetricInfo]:
    """Every metric of I-Track by name, read from the code that defines it."""
    found = {info.name: info for info in (*_defined_by_parts(), *_yielded_by_probes())}
    assert len(found) > 30
    return found


def _defined_by_parts() -> Iterator[MetricInfo]:
    for folder in PARTS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "prometheus_client" not in file.read_text():
                continue
            module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
            for value in vars(module).values():
                if isinstance(value, MetricWrapperBase):
                    name = f"{value._name}_total" if value._type == "counter" else value._name
                    yield MetricInfo(name, value._type, tuple(value._labelnames), value._documentation)


_FAMILIES = {"GaugeMetricFamily": ("gauge", ""), "CounterMetricFamily": ("counter", "_total")}


def _yielded_by_probes() -> Iterator[MetricInfo]:
    for file in sorted((ROOT / "monitoring").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FAMILIES:
                kind, ending = _FAMILIES[node.func.id]
                name, text = (ast.literal_eval(argument) for argument in node.args[:2])
                labels = next((ast.literal_eval(each.value) for each in node.keywords if each.arg == "labels"), [])
                yield MetricInfo(f"{name}{ending}", kind, tuple(labels), text)
