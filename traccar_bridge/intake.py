"""From the text of positions to MongoDB: decode, check whose they are, store or set aside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.wire import DeadLetter, dead_letter
from traccar_bridge import metrics
from traccar_bridge.decode import KnownDevice, decode_device, decode_fix
from traccar_bridge.roster import Roster
from traccar_bridge.store import FixStore

__all__ = ["Intake", "last_fix_time", "letter_of"]

_BATCH = 500
_LONGEST_RAW = 256 * 1024


def letter_of(server: str, way: str, error: SetAside, raw: bytes) -> DeadLetter:
    """The record of an input of `server` that could not be used; `way` is `websocket` or `rest`."""
    return dead_letter(f"traccar:{server}/{way}", error, raw[:_LONGEST_RAW], datetime.now(UTC))


def last_fix_time(rows: list[bytes]) -> datetime | None:
    """The latest fix time among positions; None when none can be read."""
    times = []
    for raw in rows:
        try:
            times.append(decode_fix(raw, "any").fixed_at)
        except SetAside:
            continue
    return max(times, default=None)


class Intake:
    """What REST answered goes into MongoDB here, in the caller's thread: it is safe when a method returns.

    Args:
        store: where to.
        roster: whose fixes may be stored.
        server: short name of the Traccar server.
    """

    def __init__(self, store: FixStore, roster: Roster, server: str) -> None:
        self._store = store
        self._roster = roster
        self._server = server

    def keep(self, rows: list[bytes], *, probably_new: bool = False) -> set[str]:
        """Store positions that may be stored.

        Args:
            rows: their texts.
            probably_new: MongoDB has just been seen to lack them.

        Returns:
            The devices that got new fixes.

        Raises:
            TryAgain: MongoDB is away.
        """
        fixes: list[Fix] = []
        letters: list[DeadLetter] = []
        for raw in rows:
            try:
                fix = decode_fix(raw, self._server)
            except SetAside as error:
                letters.append(letter_of(self._server, "rest", error, raw))
                continue
            if fix.device_id in self._roster.devices:
                fixes.append(fix)
            else:
                metrics.NOT_PERMITTED.inc()
        self._store.set_aside(letters)
        gained: set[str] = set()
        for start in range(0, len(fixes), _BATCH):
            batch = fixes[start : start + _BATCH]
            new = self._store.write(batch, probably_new=probably_new)
            metrics.RECONCILED.inc(new)
            if new:
                gained |= {fix.device_id for fix in batch}
        return gained

    def leave_out(self, what: str) -> None:
        """Record that the answer to a question was too large to take; the record names what was asked for.

        Raises:
            TryAgain: MongoDB is away.
        """
        error = SetAside("answer_too_large", "Traccar's answer is larger than the bridge takes at once.")
        self._store.set_aside([letter_of(self._server, "rest", error, what.encode())])

    def devices(self, rows: Iterable[bytes]) -> list[KnownDevice]:
        """The devices in a REST answer; what is none is set aside.

        Raises:
            TryAgain: MongoDB is away.
        """
        known: list[KnownDevice] = []
        letters: list[DeadLetter] = []
        for raw in rows:
            try:
                known.append(decode_device(raw, self._server))
            except SetAside as error:
                letters.append(letter_of(self._server, "rest", error, raw))
        self._store.set_aside(letters)
        return known
