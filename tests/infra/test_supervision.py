"""The local stack leaves nothing behind and says in one sentence what is wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from itrack.settings import Settings, load_settings

pytestmark = pytest.mark.services


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A stack of its own: an empty folder, the checkout's jars, ports that are free."""
    jars = load_settings().home.expanduser().resolve() / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    (tmp_path / "jars").symlink_to(jars)
    ports = {f"ITRACK_{name.upper()}": str(_free_port()) for name in Settings.model_fields if name.endswith("_port")}
    return {**os.environ, **ports, "ITRACK_HOME": str(tmp_path)}


@pytest.fixture
def stack(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A running `itrack stack`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "itrack", "stack"], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "Ctrl-C" in line:
            break
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_stack(stack: subprocess.Popen[str], how: signal.Signals) -> None:
    """However the supervisor ends, by Ctrl-C or by force, its services end too."""
    children = psutil.Process(stack.pid).children(recursive=True)
    assert len(children) >= 3
    stack.send_signal(how)
    _, alive = psutil.wait_procs(children, timeout=40)
    assert alive == []


def test_dead_component_ends_the_stack_with_a_sentence(stack: subprocess.Popen[str]) -> None:
    """When MongoDB dies, the stack says which program died and how, stops the rest and exits non-zero."""
    children = psutil.Process(stack.pid).children(recursive=True)
    next(child for child in children if "mongod" in child.name()).kill()
    assert stack.stderr is not None
    said = stack.stderr.read()
    assert stack.wait(60) == 1
    assert "itrack: mongod was ended by SIGKILL" in said
    assert "Traceback" not in said
    assert psutil.wait_procs(children, timeout=5)[1] == []


def test_taken_port_is_named_with_its_setting(environment: dict[str, str]) -> None:
    """A taken port gives one sentence with the setting that moves it, and leaves nothing running."""
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", int(environment["ITRACK_KAFKA_PORT"])))
        occupant.listen()
        done = _run_stack(environment)
    assert done.returncode == 2
    assert "set ITRACK_KAFKA_PORT to another" in done.stderr
    assert "Traceback" not in done.stderr
    time.sleep(0.2)
    home = environment["ITRACK_HOME"]
    assert [each for each in psutil.process_iter(["cmdline"]) if home in " ".join(each.info["cmdline"] or ())] == []


def test_second_stack_in_the_same_folder_is_refused(stack: subprocess.Popen[str], environment: dict[str, str]) -> None:
    """Two stacks never write to the same data; the second says which process has it."""
    done = _run_stack(environment)
    assert done.returncode == 2
    assert f"(process {stack.pid})" in done.stderr


def test_unwritable_folder_is_said_before_anything_starts(environment: dict[str, str]) -> None:
    """A folder that cannot be written is named, with the setting that moves it."""
    done = _run_stack({**environment, "ITRACK_HOME": "/proc/itrack"})
    assert done.returncode == 2
    assert "Set ITRACK_HOME to a folder that can" in done.stderr


def _run_stack(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "itrack", "stack"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
