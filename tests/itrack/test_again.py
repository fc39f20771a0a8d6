"""Working again after failures: with growing, jittered waits, until somebody says stop."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest

from itrack.again import AnyOf, work_until_stopped
from itrack.errors import FixConfiguration, TryAgain


def test_failures_are_told_and_waited_for() -> None:
    """Each failure is told, the waits between them grow and differ, and success ends nothing."""
    stopping, heard, begun_s = threading.Event(), list[str](), list[float]()

    def work() -> None:
        begun_s.append(time.monotonic())
        if len(begun_s) < 5:
            raise TryAgain(f"failure {len(begun_s)}")
        if len(begun_s) == 7:
            stopping.set()

    work_until_stopped(work, stopping, on_failure=lambda error: heard.append(str(error)), longest_wait_s=0.3)
    assert heard == [f"failure {number}" for number in range(1, 5)]
    assert len(begun_s) == 7
    waits_s = [later - earlier for earlier, later in pairwise(begun_s[:5])]
    assert all(wait_s > 0.09 for wait_s in waits_s)


def test_what_waiting_does_not_mend_ends_the_work() -> None:
    """An error for a person reaches the caller."""

    def work() -> None:
        raise FixConfiguration("set it")

    with pytest.raises(FixConfiguration):
        work_until_stopped(work, threading.Event(), on_failure=lambda _error: None)


def test_any_of_several_events_is_enough() -> None:
    """It is set by any of the others or by itself, and waiting for it ends soon after."""
    first, second = threading.Event(), threading.Event()
    either = AnyOf(first, second)
    assert not either.is_set()
    assert not either.wait(0.05)
    threading.Timer(0.05, second.set).start()
    assert either.wait(30)
    assert not first.is_set()
    own = AnyOf(first)
    own.set()
    assert own.is_set()
    assert own.wait()
