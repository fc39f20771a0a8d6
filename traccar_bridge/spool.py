"""A bounded queue on disk for what came while MongoDB was away: one SQLite file, readable by its owner only.

Nothing rests on it: what it has no room for, or loses, is in Traccar and found by reconciliation. It saves Traccar from
being asked for all of it, and keeps what Traccar may have deleted by then.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from itrack.errors import SetAside
from itrack.fix import Fix
from itrack.wire import DeadLetter, dead_letter
from traccar_bridge import metrics

__all__ = ["Spool", "Spooled"]

Spooled = Fix | DeadLetter

_MOST_SPOOLS = 16
_MOST_BYTES_AT_ONCE = 8 * 1024 * 1024
_PAGE_BYTES = 4096
_KINDS: tuple[type[Spooled], ...] = (Fix, DeadLetter)
_decoders = [msgspec.msgpack.Decoder(kind) for kind in _KINDS]
_encode = msgspec.msgpack.Encoder().encode
_MAKE = f"""
PRAGMA page_size = {_PAGE_BYTES};
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA secure_delete = ON;
PRAGMA temp_store = MEMORY;
CREATE TABLE IF NOT EXISTS spool (number INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, body BLOB NOT NULL);
"""


class Spool:
    """First in, first out. It survives SIGKILL; a power cut may take what came in the last moments.

    A file that is damaged is put beside as `….damaged-<time>`, told and counted, and a new one begun; without any place
    to write, the spool takes nothing. So none of its methods raises. For one thread.

    Args:
        folder: where its file is, `spool-<server>-<number>.sqlite`. Each of several bridges has one of its own: the
            first that no other has open.
        server: short name of the Traccar server.
        most_bytes: bound of the file. Below 64 KiB there is no spool.
    """

    def __init__(self, folder: Path, server: str, most_bytes: int) -> None:
        self._folder = folder
        self._server = server
        self._most_pages = most_bytes // _PAGE_BYTES
        self._db: sqlite3.Connection | None = None
        self._file = folder
        self._items = 0
        self._bytes = 0
        self._done = 0
        self._log = structlog.get_logger()
        if self._most_pages >= 16:
            self._open()

    def __len__(self) -> int:
        return self._items

    def append(self, items: Sequence[Spooled]) -> bool:
        """Put items behind the others; False when there is no room for them, and none is kept."""
        rows = [(_KINDS.index(type(item)), _encode(item)) for item in items]
        with self._using() as db:
            if db is not None:
                db.execute("BEGIN")
                db.executemany("INSERT INTO spool (kind, body) VALUES (?, ?)", rows)
                db.execute("COMMIT")
                self._count(self._items + len(rows), self._bytes + sum(len(body) for _, body in rows))
                return True
        return False

    def first(self, most: int) -> list[Spooled]:
        """The oldest items, at most about 8 MiB of them; they stay until `remove_first`."""
        found: list[Spooled] = []
        size = 0
        with self._using() as db:
            if db is not None and self._items:
                ask = "SELECT kind, CAST(body AS BLOB) FROM spool WHERE number > ? ORDER BY number LIMIT ?"
                for kind, body in db.execute(ask, (self._done, most)):
                    found.append(self._decoded(kind, body))
                    size += len(body)
                    if size > _MOST_BYTES_AT_ONCE:
                        break
                if not found:
                    self._count(0, 0)
        return found

    def remove_first(self, count: int) -> None:
        """The oldest `count` items are safe elsewhere."""
        with self._using() as db:
            if db is None:
                return
            ask = "SELECT number, length(body) FROM spool WHERE number > ? ORDER BY number LIMIT ?"
            rows = db.execute(ask, (self._done, count)).fetchall()
            if rows:
                self._done = rows[-1][0]  # so that they do not come again when a full disk keeps them from going
                self._count(self._items - len(rows), self._bytes - sum(length for _, length in rows))
            db.execute("DELETE FROM spool WHERE number <= ?", (self._done,))
            if not self._items:
                self._empty(db)

    def close(self) -> None:
        """Let another bridge have the file."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    @staticmethod
    def _empty(db: sqlite3.Connection) -> None:
        """Give the disk its room back, and leave no place of anybody in it."""
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection | None]:
        """The open file; what goes wrong inside ends the block there."""
        try:
            yield self._db
        except sqlite3.Error as error:
            if self._db is not None and self._db.in_transaction:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            if _code_of(error) != sqlite3.SQLITE_FULL:
                self._put_beside(error)

    def _open(self) -> None:
        """Open the first file that no other bridge has open."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number in range(1, _MOST_SPOOLS + 1):
                self._file = self._folder / f"spool-{self._server}-{number}.sqlite"
                if self._try_open():
                    return
        except (OSError, sqlite3.Error) as error:
            self._log.warning("no_spool", folder=str(self._folder), error=str(error))

    def _try_open(self) -> bool:
        """Open the file; False when another bridge has it.

        Raises:
            OSError, sqlite3.Error: it cannot be used at all.
        """
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600))
        self._file.chmod(0o600)
        db = sqlite3.connect(self._file, isolation_level=None, timeout=0.0, check_same_thread=False)
        try:
            db.executescript(_MAKE)
            db.execute(f"PRAGMA max_page_count = {self._most_pages}")
            items, size = db.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM spool").fetchone()
        except sqlite3.Error as error:
            db.close()
            if _code_of(error) == sqlite3.SQLITE_BUSY:
                return False
            if _code_of(error) not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
                raise
            self._move_away(error)
            return self._try_open()
        self._db, self._done = db, 0
        self._count(items, size)
        return True

    def _put_beside(self, error: sqlite3.Error) -> None:
        self.close()
        self._count(0, 0)
        try:
            self._move_away(error)
            self._try_open()
        except (OSError, sqlite3.Error) as failure:
            self._log.warning("no_spool", folder=str(self._folder), error=str(failure))

    def _move_away(self, error: sqlite3.Error) -> None:
        """Keep a damaged file for a person to look at.

        Raises:
            OSError: that cannot be done.
        """
        metrics.SPOOL_DAMAGED.inc()
        beside = self._file.with_name(f"{self._file.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        self._file.replace(beside)
        for tail in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._file.with_name(self._file.name + tail).replace(beside.with_name(beside.name + tail))
        self._log.error("spool_damaged", kept_as=str(beside), error=str(error))

    def _decoded(self, kind: int, body: bytes) -> Spooled:
        try:
            item: Spooled = _decoders[kind].decode(body)
        except (msgspec.MsgspecError, IndexError, TypeError, UnicodeDecodeError) as error:
            problem = SetAside("spool_row_unreadable", str(error))
            return dead_letter(f"traccar:{self._server}/spool", problem, body, datetime.now(UTC))
        return item

    def _count(self, items: int, size: int) -> None:
        self._items, self._bytes = items, size
        metrics.SPOOL_ITEMS.set(items)
        metrics.SPOOL_BYTES.set(size)


def _code_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
