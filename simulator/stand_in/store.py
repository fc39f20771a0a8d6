"""The stand-in's database: one SQLite file. Every method is called from the server's own thread only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from simulator.stand_in.records import Device, Position, User, encode
from simulator.stand_in.times import ms_of_iso

__all__ = ["Store", "read_positions", "spoil_position"]

_TABLES = """
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, password_hash TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS devices (id INTEGER PRIMARY KEY, unique_id TEXT UNIQUE NOT NULL, body TEXT);
CREATE TABLE IF NOT EXISTS links (user_id INTEGER, device_id INTEGER, PRIMARY KEY (user_id, device_id));
CREATE TABLE IF NOT EXISTS positions (id INTEGER PRIMARY KEY, device_id INTEGER, fix_ms INTEGER, body TEXT);
CREATE INDEX IF NOT EXISTS positions_by_device ON positions (device_id, fix_ms, id);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT);
"""


class Store:
    """Users, devices, links between them and positions, kept as the JSON text that the API answers.

    Identifiers grow for ever: a deleted or failed row leaves a hole, as in Traccar.
    """

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLES)
        self._last_id = {
            table: max(
                int(self.fact(f"last_{table}_id") or 0),
                int(self._db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]),  # noqa: S608 - ours
            )
            for table in ("users", "devices", "positions")
        }

    def close(self) -> None:
        """Remember the last identifiers, then close the file."""
        for table, last_id in self._last_id.items():
            self.remember(f"last_{table}_id", str(last_id))
        self._db.close()

    def fact(self, name: str) -> str | None:
        """A remembered text."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row and str(row[0])

    def remember(self, name: str, value: str) -> None:
        """Keep a text over restarts."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def burn_id(self, table: str) -> int:
        """The next identifier of `users`, `devices` or `positions`; used up, whatever happens to the row."""
        self._last_id[table] += 1
        return self._last_id[table]

    def users(self) -> list[User]:
        """All users."""
        return [msgspec.json.decode(body, type=User) for (body,) in self._db.execute("SELECT body FROM users")]

    def password_hash(self, user_id: int) -> str:
        """As `save_user` was given it."""
        return str(self._db.execute("SELECT password_hash FROM users WHERE id = ?", (user_id,)).fetchone()[0])

    def save_user(self, user: User, password_hash: str | None = None) -> None:
        """Insert or change a user; without `password_hash` the old one stays.

        Raises:
            sqlite3.IntegrityError: another user has this e-mail address.
        """
        self._db.execute(
            "INSERT INTO users VALUES (:id, :email, :hash, :body) ON CONFLICT (id) DO UPDATE SET"
            " email = :email, password_hash = coalesce(:hash, password_hash), body = :body",
            {"id": user.id, "email": user.email, "hash": password_hash, "body": encode(user)},
        )

    def remove_user(self, user_id: int) -> None:
        """Delete a user and their links."""
        self._db.execute("DELETE FROM links WHERE user_id = ?", (user_id,))
        self._db.execute("DELETE FROM users WHERE id = ?", (user_id,))

    def devices(self) -> list[Device]:
        """All devices."""
        return [msgspec.json.decode(body, type=Device) for (body,) in self._db.execute("SELECT body FROM devices")]

    def save_device(self, device: Device) -> None:
        """Insert or change a device.

        Raises:
            sqlite3.IntegrityError: another device has this unique id, or it has none.
        """
        self._db.execute(
            "INSERT INTO devices VALUES (:id, :unique_id, :body) ON CONFLICT (id) DO UPDATE SET"
            " unique_id = :unique_id, body = :body",
            {"id": device.id, "unique_id": device.unique_id, "body": encode(device)},
        )

    def remove_device(self, device_id: int) -> None:
        """Delete a device with its links and positions: their identifiers become holes."""
        self._db.execute("DELETE FROM links WHERE device_id = ?", (device_id,))
        self._db.execute("DELETE FROM positions WHERE device_id = ?", (device_id,))
        self._db.execute("DELETE FROM devices WHERE id = ?", (device_id,))

    def links(self) -> list[tuple[int, int]]:
        """(user id, device id) of every permission."""
        return list(self._db.execute("SELECT user_id, device_id FROM links"))

    def link(self, user_id: int, device_id: int) -> None:
        """Let a user see a device."""
        self._db.execute("INSERT OR IGNORE INTO links VALUES (?, ?)", (user_id, device_id))

    def unlink(self, user_id: int, device_id: int) -> None:
        """Take that right away."""
        self._db.execute("DELETE FROM links WHERE user_id = ? AND device_id = ?", (user_id, device_id))

    def save_batch(self, positions: Iterable[Position], devices: Iterable[Device]) -> None:
        """Store positions and the devices they changed in one transaction."""
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT INTO positions VALUES (?, ?, ?, ?)",
            [(row.id, row.device_id, ms_of_iso(row.fix_time), encode(row)) for row in positions],
        )
        self._db.executemany("UPDATE devices SET body = ? WHERE id = ?", [(encode(row), row.id) for row in devices])
        self._db.execute("COMMIT")

    def position(self, position_id: int) -> str | None:
        """JSON text of one position."""
        row = self._db.execute("SELECT body FROM positions WHERE id = ?", (position_id,)).fetchone()
        return row and str(row[0])

    def positions_between(self, device_id: int, from_ms: int, to_ms: int, limit: int) -> list[str]:
        """JSON texts of a device's positions by fix time, both ends included; `limit` -1 means all."""
        rows = self._db.execute(
            "SELECT body FROM positions WHERE device_id = ? AND fix_ms BETWEEN ? AND ? ORDER BY fix_ms, id LIMIT ?",
            (device_id, from_ms, to_ms, limit),
        )
        return [body for (body,) in rows]

    def remove_positions(self, device_id: int, from_ms: int, to_ms: int) -> None:
        """Delete a device's positions between two fix times: their identifiers become holes."""
        self._db.execute(
            "DELETE FROM positions WHERE device_id = ? AND fix_ms BETWEEN ? AND ?", (device_id, from_ms, to_ms)
        )


def read_positions(file: Path) -> list[Position]:
    """Every position of a database file in the order of storage; the server may run or not."""
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        rows = db.execute("SELECT body FROM positions ORDER BY id").fetchall()
    finally:
        db.close()
    return [msgspec.json.decode(body, type=Position) for (body,) in rows]


def spoil_position(file: Path, position_id: int, fields: Mapping[str, object]) -> None:
    """Change fields in the JSON text of a stored position of a database file that no server has open."""
    db = sqlite3.connect(file, isolation_level=None)
    try:
        (body,) = db.execute("SELECT body FROM positions WHERE id = ?", (position_id,)).fetchone()
        spoilt = msgspec.json.encode({**msgspec.json.decode(body), **fields}).decode()
        db.execute("UPDATE positions SET body = ? WHERE id = ?", (spoilt, position_id))
    finally:
        db.close()
