"""Ports for programs that a test starts."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

__all__ = ["free_ports"]

_RANGE = (10_000, 21_000)
"""Below the stack's own ports, and below those that the kernel takes for outgoing connections (32768 on Linux)."""


def free_ports(count: int) -> list[int]:
    """So many ports of the loopback address, all different, that nothing holds now.

    All are held until the last one is found. No client's connection takes one of them by chance before the program
    that is meant for it starts.
    """
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            probe = held.enter_context(socket.socket())
            port = random.randrange(*_RANGE)  # noqa: S311 - nobody is kept out by it
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    return ports
