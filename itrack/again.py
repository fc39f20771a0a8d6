"""Doing the work of a part again and again until it is told to stop, with a growing wait after each failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import stamina

from itrack.errors import TryAgain

__all__ = ["AnyOf", "work_until_stopped"]

_LOOK_EVERY_S = 0.1


class AnyOf(threading.Event):
    """An event that is set once one of several others is, or it is set itself.

    Args:
        others: the events.
    """

    def __init__(self, *others: threading.Event) -> None:
        super().__init__()
        self._others = others

    def is_set(self) -> bool:
        """True once any of them is set."""
        return super().is_set() or any(other.is_set() for other in self._others)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until any of them is set, give or take a tenth of a second; True when that is so in the end."""
        give_up_s = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left_s = _LOOK_EVERY_S if give_up_s is None else min(_LOOK_EVERY_S, give_up_s - time.monotonic())
            if left_s <= 0:
                break
            super().wait(left_s)
        return self.is_set()


def work_until_stopped(
    work: Callable[[], None],
    stopping: threading.Event,
    *,
    on_failure: Callable[[TryAgain], None],
    longest_wait_s: float = 3.0,
    steady_s: float = 30.0,
) -> None:
    """Call `work` until `stopping` is set.

    When `work` raises `TryAgain`, `on_failure` hears of it and `work` is called again after a wait that grows with
    each failure and is jittered (stamina logs and counts it). After `steady_s` of work the waits begin anew.
    Every other error ends the loop and reaches the caller.
    """
    while not stopping.is_set():
        began_s = time.monotonic()

        def is_worth_a_wait(error: Exception, began_s: float = began_s) -> bool:
            return isinstance(error, TryAgain) and time.monotonic() - began_s < steady_s and not stopping.is_set()

        try:
            for attempt in stamina.retry_context(
                on=is_worth_a_wait,
                attempts=None,
                timeout=None,
                wait_initial=0.1,
                wait_max=longest_wait_s,
                wait_jitter=0.3,
            ):
                with attempt:
                    if not stopping.is_set():
                        _tell(work, on_failure)
        except TryAgain:
            continue


def _tell(work: Callable[[], None], on_failure: Callable[[TryAgain], None]) -> None:
    try:
        work()
    except TryAgain as error:
        on_failure(error)
        raise
