"""The commands as people start them."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from tests.support.line import own_environment, own_settings

COMMAND = (sys.executable, "-c", "from itrack.cli import main; main()")


@pytest.fixture
def environment(tmp_path: Path, downloads: Path) -> dict[str, str]:
    """That of a line of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return own_environment(own_settings(home, downloads))


@pytest.fixture
def stand_in(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The running program."""
    with subprocess.Popen([*COMMAND, "stand-in"], env=environment, stderr=subprocess.DEVNULL) as process:
        health = f"http://127.0.0.1:{environment['ITRACK_STAND_IN_METRICS_PORT']}/healthz"
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            try:
                if httpx2.get(health).is_success:
                    break
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        yield process
        process.kill()


def run(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_replay_and_simulate_find_the_stand_in_by_its_token_and_a_sigterm_ends_it(
    environment: dict[str, str], stand_in: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """A newcomer starts three commands without setting anything."""
    token_file = Path(environment["ITRACK_HOME"]) / "run" / "traccar-token"
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    walk = tmp_path / "walk.csv"
    walk.write_text("time,lat,lon\n2026-05-04T10:00:00Z,47,8\n2026-05-04T10:00:05Z,91,8\n,47,8\n")
    replayed = run(environment, "replay", walk)
    assert replayed.returncode == 0, replayed.stderr
    assert "Sent 1: accepted 1, refused 0; left out 2" in replayed.stderr
    assert "walk.csv, line 3: the latitude 91.0 lies beyond 90" in replayed.stderr
    truth = tmp_path / "truth.json"
    out = run(environment, "simulate", "--people", "2", "--hours", "0.5", "--speed", "3600", "--truth", truth)
    assert out.returncode == 0, out.stderr
    assert len(msgspec.json.decode(truth.read_bytes())) == 2
    stand_in.send_signal(signal.SIGTERM)
    assert stand_in.wait(timeout=30) == 0


def test_mistakes_are_one_sentence_and_a_status(environment: dict[str, str], tmp_path: Path) -> None:
    """No stack trace for a missing file, an empty one, two paces, or a centre that is none."""
    missing = run(environment, "replay", tmp_path / "missing.gpx")
    assert (missing.returncode, "Traceback" in missing.stderr) == (2, False)
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    assert run(environment, "replay", empty).returncode == 1
    assert run(environment, "replay", empty, "--rate", "5", "--speed", "2").returncode == 2
    assert run(environment, "simulate", "--centre", "north").returncode == 2
