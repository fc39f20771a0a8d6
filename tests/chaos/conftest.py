"""The line that all tests of the suite share, and the summary of the rounds at the end of the run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina.instrumentation

from tests.chaos.building import chaos_line
from tests.chaos.line import Line
from tests.chaos.tally import Tally

PARTS = ("bridge", "bridge", "producer", "producer")
"""One that is named twice has two instances, and each is a victim of its own."""

thorough = pytest.mark.skipif("CHAOS_ROUNDS" not in os.environ, reason="it takes its time: `make chaos` runs it")

_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """CHAOS_SEED repeats an order of faults."""
    stamina.instrumentation.set_on_retry_hooks([])  # phones before a Traccar that is away are no news
    config.stash[_TALLY] = Tally(seed=int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the rounds brought, if there were any."""
    if lines := config.stash[_TALLY].lines():
        terminalreporter.section("chaos")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash[_TALLY]


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Line]:
    with chaos_line(tmp_path_factory.mktemp("chaos"), downloads, PARTS) as line:
        yield line
