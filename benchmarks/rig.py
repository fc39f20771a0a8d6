"""What the benchmarks of single parts share: a stack of their own, parts as processes, percentiles."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra.parts import PARTS, part_program
from infra.process import Child
from infra.stack import LocalStack
from itrack.settings import Settings, load_settings

__all__ = ["own_stack", "paced", "percentile_ms", "percentiles", "running_part", "wait_for"]


@contextmanager
def own_stack() -> Iterator[Settings]:
    """The settings of a local stack that is empty and ends with the block."""
    settings = load_settings()
    jars = settings.home.expanduser().resolve() / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "jars").symlink_to(jars)
        settings = load_settings(home=home, port_offset=settings.port_offset + 500)
        with LocalStack(settings):
            yield settings


@contextmanager
def running_part(name: str, settings: Settings, **overrides: object) -> Iterator[psutil.Process]:
    """A part as a process, once it is healthy."""
    info = next(each for each in PARTS if each.name == name)
    with tempfile.TemporaryDirectory() as logs:
        child = Child(part_program(info, settings.model_copy(update=overrides)), Path(logs))
        child.start()
        try:
            child.wait_ready()
            yield psutil.Process(child.pid)
        finally:
            child.stop()


def wait_for(is_so: Callable[[], bool], within_s: float = 300.0) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def paced(count: int, per_second: float, do: Callable[[int], None]) -> None:
    """Call `do` with 0, 1, … at a steady rate, or as fast as it gets."""
    began_s = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, began_s + number / per_second - time.perf_counter()))
        do(number)


def percentiles(seconds: list[float]) -> str:
    """Median, 95th and 99th percentile in milliseconds."""
    p50, p95, p99 = (percentile_ms(seconds, share) for share in (0.5, 0.95, 0.99))
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms"


def percentile_ms(seconds: list[float], share: float) -> float:
    """A percentile in milliseconds."""
    return 1000 * sorted(seconds)[int(len(seconds) * share)]
