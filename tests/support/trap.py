"""Stopping a program at a certain message: to kill somebody between two of its steps."""

from __future__ import annotations

import asyncio
import threading

__all__ = ["Trap"]


class Trap:
    """Stops a connection at the piece of data that holds a pattern, before it gets through.

    Args:
        pattern: looked for in what clients send.
    """

    def __init__(self, pattern: bytes) -> None:
        self._pattern = pattern
        self._caught = threading.Event()
        self._opened = asyncio.Event()

    def wait(self, within_s: float = 30.0) -> None:
        """Wait until something is caught.

        Raises:
            TimeoutError: nothing came by.
        """
        if not self._caught.wait(within_s):
            msg = f"nothing with {self._pattern!r} came by"
            raise TimeoutError(msg)

    def open(self) -> None:
        """Let everything through; call it in the network's thread."""
        self._opened.set()

    async def pass_by(self, data: bytes) -> None:
        """Returns when `data` may go on."""
        if self._opened.is_set() or self._pattern not in data:
            return
        self._caught.set()
        await self._opened.wait()
