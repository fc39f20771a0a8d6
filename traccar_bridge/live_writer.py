"""The way of live fixes into MongoDB: a bounded queue and a thread that writes whatever is waiting."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from itrack.device import Device
from itrack.errors import TryAgain
from itrack.fix import Fix
from itrack.wire import DeadLetter
from traccar_bridge.store import FixStore

__all__ = ["LiveWriter"]

_MOST_AT_ONCE = 500
_DEVICES_EVERY_S = 1.0
_LAST_WORK_S = 3.0


class LiveWriter:
    """Writes fixes as they come, one at a time when they are few and in batches when they pile up.

    While MongoDB is away the queue fills and then refuses; what it refused is found again by reconciliation, since
    its id is not in MongoDB.

    Args:
        store: where to.
        most_waiting: bound of the queue.
    """

    def __init__(self, store: FixStore, most_waiting: int = 20_000) -> None:
        self._store = store
        self._most_waiting = most_waiting
        self._waiting: deque[Fix | DeadLetter] = deque()
        self._devices: dict[str, Device] = {}
        self._changed = threading.Condition()
        self._in_hand = 0

    def offer(self, item: Fix | DeadLetter) -> bool:
        """Put something into the queue; False when it is full."""
        with self._changed:
            if len(self._waiting) >= self._most_waiting:
                return False
            self._waiting.append(item)
            self._changed.notify_all()
            return True

    def offer_device(self, device: Device) -> None:
        """Put a device's present state up for writing; only its newest is written, within a second or so."""
        with self._changed:
            self._devices[device.device_id] = device

    def wait_idle(self, within_s: float) -> bool:
        """Wait until everything that was offered is safe; False when that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._in_hand, within_s)

    def work(
        self, stopping: threading.Event, on_failure: Callable[[TryAgain], None], on_success: Callable[[], None]
    ) -> None:
        """Write until `stopping` is set, and then what is left, if that is soon done.

        Args:
            stopping: set when the part is to end.
            on_failure: told when MongoDB did not take a batch; the batch is tried again.
            on_success: told after each batch that it took, and after any turn that follows a failure.
        """
        devices_due_s = 0.0
        give_up_s = 0.0
        has_failed = False
        while True:
            batch = self._take()
            if stopping.is_set():
                give_up_s = give_up_s or time.monotonic() + _LAST_WORK_S
                if not batch or time.monotonic() > give_up_s:
                    return
            try:
                self._write(batch)
                if time.monotonic() >= devices_due_s:
                    self._write_devices()
                    devices_due_s = time.monotonic() + _DEVICES_EVERY_S
            except TryAgain as error:
                self._put_back(batch)
                on_failure(error)
                has_failed = True
                stopping.wait(0.5)
            else:
                self._done()
                if batch or has_failed:
                    on_success()
                has_failed = False

    def _take(self) -> list[Fix | DeadLetter]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout=0.2)
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
            self._in_hand = len(batch)
            return batch

    def _put_back(self, batch: list[Fix | DeadLetter]) -> None:
        with self._changed:
            self._waiting.extendleft(reversed(batch))
            self._in_hand = 0

    def _done(self) -> None:
        with self._changed:
            self._in_hand = 0
            self._changed.notify_all()

    def _write(self, batch: list[Fix | DeadLetter]) -> None:
        fixes = [item for item in batch if isinstance(item, Fix)]
        if fixes:
            self._store.write(fixes)
        self._store.set_aside([item for item in batch if isinstance(item, DeadLetter)])

    def _write_devices(self) -> None:
        with self._changed:
            devices, self._devices = self._devices, {}
        try:
            self._store.write_devices(devices.values())
        except TryAgain:
            with self._changed:
                self._devices = devices | self._devices
            raise
