"""The local stack leaves nothing behind and says in one sentence what is wrong."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from itrack.s3 import LOCAL_ACCESS_KEY, LOCAL_SECRET_KEY
from itrack.settings import Settings
from tests.support.line import own_environment, own_settings

pytestmark = pytest.mark.services


@pytest.fixture
def environment(tmp_path: Path, downloads: Path, jars: Path) -> dict[str, str]:
    """That of a stack of its own."""
    assert jars.is_dir()
    return own_environment(own_settings(tmp_path, downloads))


@pytest.fixture
def small_environment(environment: dict[str, str], stack_settings: Settings) -> dict[str, str]:
    """That of a stack that starts MongoDB only, and finds Kafka and S3 elsewhere."""
    return {
        **environment,
        "ITRACK_KAFKA_BOOTSTRAP": stack_settings.kafka_address,
        "ITRACK_S3_ENDPOINT_URL": f"http://127.0.0.1:{stack_settings.s3_port}",
        "ITRACK_S3_ACCESS_KEY": LOCAL_ACCESS_KEY,
        "ITRACK_S3_SECRET_KEY": LOCAL_SECRET_KEY,
    }


@pytest.fixture
def stack(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A running `itrack stack`."""
    with _running_stack(environment) as process:
        yield process


@pytest.fixture
def small_stack(small_environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A running `itrack stack` that has MongoDB only."""
    with _running_stack(small_environment) as process:
        yield process


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_stack(stack: subprocess.Popen[str], how: signal.Signals) -> None:
    """However the supervisor ends, asked to or by force, its services end too."""
    children = psutil.Process(stack.pid).children(recursive=True)
    assert len(children) >= 3
    stack.send_signal(how)
    _, alive = psutil.wait_procs(children, timeout=40)
    assert alive == []


def test_ctrl_c_is_a_good_end(small_stack: subprocess.Popen[str]) -> None:
    """Ctrl-C ends the stack and its services without a fault."""
    children = psutil.Process(small_stack.pid).children(recursive=True)
    assert len(children) >= 1
    small_stack.send_signal(signal.SIGINT)
    assert small_stack.wait(40) == 0
    assert psutil.wait_procs(children, timeout=5)[1] == []


def test_dead_component_ends_the_stack_with_a_sentence(small_stack: subprocess.Popen[str]) -> None:
    """When MongoDB dies, the stack says which program died and how, stops the rest and exits non-zero."""
    children = psutil.Process(small_stack.pid).children(recursive=True)
    next(child for child in children if "mongod" in child.name()).kill()
    assert small_stack.stderr is not None
    said = small_stack.stderr.read()
    assert small_stack.wait(60) == 1
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


def test_second_stack_in_the_same_folder_is_refused(
    small_stack: subprocess.Popen[str], small_environment: dict[str, str]
) -> None:
    """Two stacks never write to the same data; the second says which process has it."""
    done = _run_stack(small_environment)
    assert done.returncode == 2
    assert f"(process {small_stack.pid})" in done.stderr


def test_unwritable_folder_is_said_before_anything_starts(environment: dict[str, str]) -> None:
    """A folder that cannot be written is named, with the setting that moves it."""
    done = _run_stack({**environment, "ITRACK_HOME": "/proc/itrack"})
    assert done.returncode == 2
    assert "Set ITRACK_HOME to a folder that can" in done.stderr


@contextmanager
def _running_stack(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "itrack", "stack"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert any("Ctrl-C" in line for line in process.stderr), "it did not get ready"
        yield process
    finally:
        process.kill()
        process.communicate()


def _run_stack(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "itrack", "stack"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
