"""Sharing one Traccar server's devices among bridges, and waiting for a share that nobody serves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from pymongo.database import Database

from itrack.lease import Lease, LeaseHeld
from itrack.mongo import Document
from itrack.settings import Settings
from traccar_bridge import metrics

__all__ = ["Share", "leased_share", "note_of"]

_LASTS_S = 6.0
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class Share:
    """One of `shards` equal parts of a server's devices.

    The first share's bridge also does everything that concerns all devices: the list of devices in MongoDB, the past,
    and the walk along the ids. So the completeness of the whole rests on that one, and the others only add speed
    (docs/decisions/0002-bridge-reconciliation.md).
    """

    number: int = 0
    shards: int = 1

    @property
    def is_first(self) -> bool:
        """True for the bridge that reconciles."""
        return self.number == 0

    @property
    def is_all(self) -> bool:
        """True when there is only one."""
        return self.shards == 1

    def has(self, traccar_id: int) -> bool:
        """True when the device with this number of Traccar's belongs to it."""
        return traccar_id % self.shards == self.number


@contextmanager
def leased_share(
    settings: Settings,
    database: Database[Document],
    stopping: threading.Event,
    on_wait: Callable[[LeaseHeld], None],
) -> Iterator[tuple[Share, Lease] | None]:
    """Wait for a share that no other bridge serves, and hold its lease for the length of the block.

    Args:
        settings: how many shares there are, and of which server.
        database: where the leases are.
        stopping: ends the wait.
        on_wait: told again and again, while there is none, who holds the last one: a bridge with another note than
            this one's (`note_of`) follows another Traccar by the same name, or in another number of shares.

    Yields:
        The share and its lease; None when the bridge is to stop.

    Raises:
        TryAgain: MongoDB is away.
    """
    with ExitStack() as leases:
        yield _wait(settings, database, stopping, on_wait, leases)


def _wait(
    settings: Settings,
    database: Database[Document],
    stopping: threading.Event,
    on_wait: Callable[[LeaseHeld], None],
    leases: ExitStack,
) -> tuple[Share, Lease] | None:
    server = settings.traccar_name
    shares = [Share(number, settings.bridge_shards) for number in range(settings.bridge_shards)]
    for share in shares:
        metrics.ACTIVE.labels(server, share.number).set(0)
    note = note_of(settings)
    while not stopping.is_set():
        for share in shares:
            name = f"bridge-lease:{server}" if share.is_first else f"bridge-lease:{server}/{share.number}"
            try:
                lease = leases.enter_context(Lease(database, name, work="bridge", lasts_s=_LASTS_S, note=note))
            except LeaseHeld as held:
                refused = held
                if held.note != note:
                    break
            else:
                metrics.ACTIVE.labels(server, share.number).set(1)
                leases.callback(metrics.ACTIVE.labels(server, share.number).set, 0)
                return share, lease
        on_wait(refused)
        stopping.wait(_LOOK_EVERY_S)
    return None


def note_of(settings: Settings) -> str:
    """What a bridge tells others of itself: which Traccar it follows, without any sign-in, and in how many shares."""
    address = urlsplit(settings.traccar_address)
    port = "" if address.port is None else f":{address.port}"
    return f"{address.scheme}://{address.hostname}{port}{address.path} in {settings.bridge_shards}"
