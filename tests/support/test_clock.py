"""The jumping clock: a program sees it, and its waits behave as the kernel's do when a clock is set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clock import JumpingClock, NoClock, build_clock

_READS = "import time; print(int(time.time()), int(time.monotonic()))"
_WAITS = """
import ctypes, struct, sys, threading, time

class Time(ctypes.Structure):
    _fields_ = [("s", ctypes.c_long), ("ns", ctypes.c_long)]

def jump(by_s):
    with open(sys.argv[1], "r+b") as file:
        file.write(struct.pack("q", by_s))

libc = ctypes.CDLL(None)
condition, mutex, until = ctypes.create_string_buffer(64), ctypes.create_string_buffer(64), Time()
libc.pthread_mutex_lock(mutex)
until.s = int(time.time()) + 2
jump(-3600)
threading.Timer(2.5, lambda: (print("still waiting"), jump(0))).start()
while getattr(libc, sys.argv[2])(condition, mutex, ctypes.byref(until)) == 0:
    pass
print("over")
"""


@pytest.fixture
def clock(tmp_path: Path) -> JumpingClock:
    try:
        return JumpingClock(build_clock(tmp_path), tmp_path / "clock")
    except NoClock as error:
        pytest.skip(str(error))


def run(clock: JumpingClock, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", *arguments], env={**os.environ, **clock.environment}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_wall_clock_jumps_and_the_monotonic_one_does_not(clock: JumpingClock) -> None:
    """The wall clock is off by the sum of the jumps; durations are right."""
    (before,) = run(clock, _READS)
    clock.jump(7200)
    clock.jump(-3600)
    (after,) = run(clock, _READS)
    wall_s, monotonic_s = (int(new) - int(old) for old, new in zip(before.split(), after.split(), strict=True))
    assert 3600 <= wall_s < 3660
    assert 0 <= monotonic_s < 60


@pytest.mark.parametrize("wait", ["pthread_cond_timedwait", "cnd_timedwait"])
def test_wait_lasts_until_the_clock_gets_there(clock: JumpingClock, tmp_path: Path, wait: str) -> None:
    """A wait for two seconds goes on when the clock is set back meanwhile, and ends when it is set right."""
    assert run(clock, _WAITS, str(tmp_path / "clock"), wait) == ["still waiting", "over"]
