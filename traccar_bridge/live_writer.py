"""The way of live fixes into MongoDB: a bounded queue, a spool on disk behind it, and a thread that writes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from itrack.errors import TryAgain
from itrack.fix import Fix
from itrack.wire import DeadLetter
from traccar_bridge.spool import Spool, Spooled
from traccar_bridge.store import FixStore

__all__ = ["LiveWriter"]

_MOST_AT_ONCE = 500
_MOST_BYTES = 64 * 1024 * 1024
_LAST_WORK_S = 3.0


class LiveWriter:
    """Writes fixes as they come, one at a time when they are few and in batches when they pile up.

    When MongoDB does not take a batch, everything that waits goes to the spool. It is written in the order in which it
    came, so the spool is emptied before the queue. What neither has room for is found by reconciliation, since its id
    is not in MongoDB.

    Args:
        store: where to.
        spool: used by the thread that works only.
        most_waiting: bound of the queue, beside 64 MiB.
    """

    def __init__(self, store: FixStore, spool: Spool, most_waiting: int = 20_000) -> None:
        self._store = store
        self._spool = spool
        self._most_waiting = most_waiting
        self._waiting: deque[Spooled] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._in_hand = 0

    @property
    def has_spooled(self) -> bool:
        """Something waits on disk."""
        return len(self._spool) > 0

    def offer(self, item: Spooled) -> bool:
        """Put something into the queue; False when it is full."""
        with self._changed:
            if len(self._waiting) >= self._most_waiting or self._waiting_bytes > _MOST_BYTES:
                return False
            self._waiting.append(item)
            self._waiting_bytes += _size_of(item)
            self._changed.notify_all()
            return True

    def wait_idle(self, within_s: float) -> bool:
        """Wait until everything that was offered is safe in MongoDB; False when that takes longer."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._in_hand and not len(self._spool), within_s
            )

    def work(
        self, stopping: threading.Event, on_failure: Callable[[TryAgain], None], on_success: Callable[[], None]
    ) -> None:
        """Write until `stopping` is set, and then what is left, if that is soon done; else it goes to the spool.

        Args:
            stopping: set when the part is to end.
            on_failure: told when MongoDB did not take a batch; the batch is tried again.
            on_success: told after each batch that it took, and after any turn that follows a failure.
        """
        give_up_s = 0.0
        has_failed = False
        while True:
            spooled = self._spool.first(_MOST_AT_ONCE)
            batch = spooled or self._take()
            if stopping.is_set():
                give_up_s = give_up_s or time.monotonic() + _LAST_WORK_S
                if not batch or has_failed or time.monotonic() > give_up_s:
                    self._put_by([] if spooled else batch)
                    self._spool.close()
                    return
            try:
                self._write(batch)
            except TryAgain as error:
                has_failed = True
                self._put_by([] if spooled else batch)
                on_failure(error)
                stopping.wait(0.5)
            else:
                self._done(len(spooled))
                if batch or has_failed:
                    on_success()
                has_failed = False

    def _take(self) -> list[Spooled]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout=0.2)
            return self._pop(_MOST_AT_ONCE)

    def _pop(self, most: int) -> list[Spooled]:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), most))]
        self._waiting_bytes -= sum(_size_of(item) for item in batch)
        self._in_hand = len(batch)
        return batch

    def _put_by(self, batch: list[Spooled]) -> None:
        """Put `batch`, and all that waits behind it, into the spool; what it has no room for goes on waiting."""
        while True:
            is_kept = not batch or self._spool.append(batch)
            with self._changed:
                if not is_kept:
                    self._waiting.extendleft(reversed(batch))
                    self._waiting_bytes += sum(_size_of(item) for item in batch)
                batch = self._pop(_MOST_AT_ONCE if is_kept else 0)
            if not batch:
                return

    def _done(self, spooled: int) -> None:
        if spooled:
            self._spool.remove_first(spooled)
            if len(self._waiting) > self._most_waiting / 2:
                self._put_by(self._take())
        with self._changed:
            self._in_hand = 0
            self._changed.notify_all()

    def _write(self, batch: list[Spooled]) -> None:
        fixes = [item for item in batch if isinstance(item, Fix)]
        if fixes:
            self._store.write(fixes, probably_new=True)
        self._store.set_aside([item for item in batch if isinstance(item, DeadLetter)])


def _size_of(item: Spooled) -> int:
    return 500 + len(item.attributes_json if isinstance(item, Fix) else item.raw)
