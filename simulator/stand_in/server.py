"""The stand-in Traccar as tests hold it: addresses, a token, what is stored, and every way a server misbehaves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from simulator.stand_in.records import Device, Position, User
from simulator.stand_in.running import RunningServer, listen
from simulator.stand_in.store import read_positions, spoil_position
from simulator.stand_in.traccar import Options, Traccar
from simulator.stand_in.web import Faults

__all__ = ["StandIn", "stand_in_traccar"]

T = TypeVar("T")

DATABASE = "traccar.sqlite"


class StandIn:
    """A stand-in Traccar on two ports of the loopback address.

    Args:
        folder: where its database file lives; it survives restarts.
        options: its configuration.
        web_port: 0 picks a free one, which is kept over restarts.
        osmand_port: likewise.
        email: of the administrator that is made when there is no user yet; None makes none.
        password: of that administrator.

    Attributes:
        faults: change these at any time to make REST and OsmAnd misbehave.
    """

    def __init__(
        self,
        folder: Path,
        options: Options | None = None,
        *,
        web_port: int = 0,
        osmand_port: int = 0,
        email: str | None = "admin@example.org",
        password: str = "admin",  # noqa: S107 - of a test double
    ) -> None:
        self.options = options or Options()
        self.email, self.password = email, password
        self.faults = Faults()
        self.web_port, self.osmand_port = web_port, osmand_port
        self._folder = folder
        self._running: RunningServer | None = None

    @property
    def web_url(self) -> str:
        """Base address of the REST API and the websocket."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def osmand_url(self) -> str:
        """Where phones report."""
        return f"http://127.0.0.1:{self.osmand_port}"

    @property
    def token(self) -> str:
        """A new token of the first administrator, good for a year; one from before a restart works as well."""
        return self._call(self._make_token)

    @property
    def open_sockets(self) -> int:
        """How many websockets are open."""
        return self._call(lambda: len(self._traccar.feed))

    @property
    def received(self) -> int:
        """OsmAnd requests answered with 200 since the start."""
        return self._call(lambda: self._traccar.received)

    def start(self) -> None:
        """Listen.

        Raises:
            FixConfiguration: a port is taken.
        """
        web, osmand = listen(self.web_port, "traccar_port"), listen(self.osmand_port, "osmand_port")
        self.web_port, self.osmand_port = web.getsockname()[1], osmand.getsockname()[1]
        self._folder.mkdir(parents=True, exist_ok=True)
        self._running = RunningServer(self._folder / DATABASE, self.options, self.faults, web, osmand)
        if self.email is not None:
            self._call(self._add_first_user)

    def stop(self) -> None:
        """Drop every connection, every cookie and every position that still waits; keep what is stored."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def restart(self) -> None:
        """Stop, then start on the same ports with the same database."""
        self.stop()
        self.start()

    def cut_sockets(self) -> None:
        """Drop every websocket without a close frame, as a network that breaks does."""
        self._server.cut_sockets()

    def go_silent(self, silent: bool = True) -> None:
        """Send no frame at all, keepalives included, on sockets that stay open."""

        def switch() -> None:
            self._traccar.feed.is_silent = silent

        self._call(switch)

    def keep_alive_now(self) -> None:
        """Send the keepalive frame to all sockets, ahead of its timer."""
        self._call(self._traccar.feed.keep_alive)

    def push_frame(self, device_id: int, frame: str) -> None:
        """Send a text to every socket that hears of a device, whether it is a frame or not."""
        self._call(lambda: self._traccar.feed.send(device_id, frame))

    def notice_silence_now(self) -> None:
        """Let devices that were silent for too long turn unknown, ahead of the timer."""
        self._call(self._traccar.notice_silence)

    def spoil_position(self, position_id: int, **fields: object) -> None:
        """Give a stored position fields that no phone could have sent; the server must be stopped.

        Args:
            position_id: of the position.
            fields: values that JSON can hold, by the field's name in Traccar's JSON.
        """
        assert self._running is None, "the stand-in is running"  # noqa: S101 - a caller's mistake
        spoil_position(self._folder / DATABASE, position_id, fields)

    def add_device(self, unique_id: str, name: str | None = None) -> int:
        """Create a device that the administrator may see; its id."""
        device = Device(unique_id=unique_id, name=name or unique_id)
        return self._call(lambda: self._traccar.add_device(device, self._administrator()).id)

    def disable_device(self, unique_id: str, disabled: bool = True) -> None:
        """Refuse a device's reports, or take them again."""

        def switch() -> None:
            for device in self._traccar.devices.values():
                if device.unique_id == unique_id:
                    device.disabled = disabled
                    self._traccar.store.save_device(device)

        self._call(switch)

    def disable_user(self, email: str, disabled: bool = True) -> None:
        """Refuse a user's next request; sockets that are open go on."""

        def switch() -> None:
            for user in self._traccar.access.users.values():
                if user.email == email:
                    user.disabled = disabled
                    self._traccar.access.change_user(user)

        self._call(switch)

    def burn_position_ids(self, count: int) -> None:
        """Leave a hole in the position ids, as rolled-back inserts and other users' devices do."""
        self._call(lambda: [self._traccar.store.burn_id("positions") for _ in range(count)])

    def store_past(self, device_id: int, fix_times_s: Iterable[int]) -> None:
        """Store positions of a device with these fix times, and push none of them: a past, at once."""
        self._call(lambda: self._traccar.store_past(device_id, fix_times_s))

    def stored_positions(self) -> list[Position]:
        """Everything stored, in the order of storage; also while the server is stopped."""
        return read_positions(self._folder / DATABASE)

    @property
    def _server(self) -> RunningServer:
        assert self._running is not None, "the stand-in is stopped"  # noqa: S101 - a caller's mistake
        return self._running

    @property
    def _traccar(self) -> Traccar:
        return self._server.traccar

    def _call(self, action: Callable[[], T]) -> T:
        return self._server.call(action)

    def _add_first_user(self) -> None:
        if not self._traccar.access.users:
            user = User(name="Administrator", email=self.email, administrator=True, device_limit=-1)
            self._traccar.access.add_user(user, self.password)

    def _administrator(self) -> User:
        return next(user for user in self._traccar.access.users.values() if user.administrator)

    def _make_token(self) -> str:
        return self._traccar.access.token_for(self._administrator().id, datetime.now(UTC) + timedelta(days=365))


@contextmanager
def stand_in_traccar(
    folder: Path | None = None,
    *,
    buffering_s: float = 0.0,
    register_unknown: bool = False,
    max_positions: int | None = None,
    keepalive_s: float = 55.0,
    status_timeout_s: float = 600.0,
    seed: int = 0,
    web_port: int = 0,
    osmand_port: int = 0,
    email: str | None = "admin@example.org",
    password: str = "admin",  # noqa: S107 - of a test double
) -> Iterator[StandIn]:
    """Run a stand-in Traccar for the length of a `with` block; without `folder` it leaves nothing behind.

    The arguments are those of `Options` and `StandIn`.
    """
    options = Options(
        buffering_s=buffering_s,
        register_unknown=register_unknown,
        max_positions=max_positions,
        keepalive_s=keepalive_s,
        status_timeout_s=status_timeout_s,
        seed=seed,
    )
    with tempfile.TemporaryDirectory(prefix="itrack-traccar-") as own_folder:
        stand_in = StandIn(
            folder or Path(own_folder),
            options,
            web_port=web_port,
            osmand_port=osmand_port,
            email=email,
            password=password,
        )
        stand_in.start()
        try:
            yield stand_in
        finally:
            stand_in.stop()
