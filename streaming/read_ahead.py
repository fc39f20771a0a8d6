"""Reading the next item in a thread of its own while the last one is worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

__all__ = ["read_ahead"]

T = TypeVar("T")


class _End:
    """The last thing a reader says: that there is no more, or what went wrong."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def read_ahead(items: Iterable[T], depth: int = 2) -> Generator[T, None, None]:
    """Yield `items` in order, fetched by a thread that stays at most `depth` items ahead.

    An error of the fetching is raised here, after the items before it. Closing the generator (see
    `contextlib.closing`) ends the thread after the item it is fetching.
    """
    ready: queue.Queue[T | _End] = queue.Queue(depth)
    closed = threading.Event()
    thread = threading.Thread(target=_fetch, args=(items, ready, closed), name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        closed.set()
        thread.join()


def _fetch(items: Iterable[T], ready: queue.Queue[T | _End], closed: threading.Event) -> None:
    end = _End()
    try:
        for item in items:
            if not _put(ready, item, closed):
                return
    except BaseException as error:  # noqa: BLE001 - it crosses to the thread that works on the items
        end = _End(error)
    _put(ready, end, closed)


def _put(ready: queue.Queue[T | _End], item: T | _End, closed: threading.Event) -> bool:
    while not closed.is_set():
        try:
            ready.put(item, timeout=0.2)
        except queue.Full:
            continue
        return True
    return False
