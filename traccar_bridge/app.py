"""`itrack bridge`: what Traccar has goes into MongoDB; the socket for speed, REST for truth.

Of several bridges for one server, one serves each share of its devices and the others stand by. What lives as long as
the process is here, what lives as long as its lease in `Term`.

| thread | does |
| --- | --- |
| main | waits for a share, then reads the socket (`Term`) |
| writer | writes live fixes to MongoDB |
| device writer | writes devices' states to MongoDB |
| renewal | renews the token |
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from itrack.again import work_until_stopped
from itrack.errors import FixConfiguration, TryAgain
from itrack.lease import LeaseHeld
from itrack.mongo import open_database
from itrack.part import Part
from itrack.settings import Settings, load_settings
from traccar_bridge.conditions import Conditions
from traccar_bridge.device_writer import DeviceWriter
from traccar_bridge.errors import Refused
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.renewal import Renewal
from traccar_bridge.rest import Traccar
from traccar_bridge.share import leased_share, note_of
from traccar_bridge.sign_in import SignIns
from traccar_bridge.spool import Spool
from traccar_bridge.store import FixStore
from traccar_bridge.term import Term

__all__ = ["run"]

_LAST_WORK_S = 8.0
_LEASE, _MONGODB, _DEVICES = "lease", "MongoDB", "devices"


def run(settings: Settings | None = None) -> None:
    """Follow Traccar, or stand by for a bridge that does, until SIGTERM.

    Raises:
        FixConfiguration: a person has to change something, such as a sign-in that Traccar refuses.
    """
    settings = settings or load_settings()
    with Part("bridge", settings, settings.bridge_metrics_port) as part:
        _Bridge(settings, part).run()


class _Bridge:
    """The way into MongoDB, and one term after the other."""

    def __init__(self, settings: Settings, part: Part) -> None:
        self._settings = settings
        self._part = part
        self._database = open_database(settings, part="bridge", timeout_s=3.0, answer_s=15.0)
        self._store = FixStore(self._database, settings.traccar_name)
        spool = Spool(settings.bridge_folder, settings.traccar_name, settings.bridge_spool_mib * 1024 * 1024)
        self._writer = LiveWriter(self._store, spool)
        self._devices = DeviceWriter(self._store)
        self._sign_ins = SignIns(settings)
        self._renewal = Renewal(settings, self._sign_ins)
        self._conditions = Conditions(part)
        self._is_standing_by = False
        self._signed_in = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Work until the part is to stop; an error of any thread ends all of them and is raised."""
        threads = [
            threading.Thread(target=self._guard, args=(work,), name=work.__name__.strip("_"), daemon=True)
            for work in (self._write, self._write_devices, self._renew)
        ]
        try:
            for thread in threads:
                thread.start()
            work_until_stopped(
                self._serve,
                self._part.stopping,
                on_failure=lambda error: self._conditions.trouble(_LEASE, str(error)),
            )
        finally:
            self._part.stopping.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join(timeout=_LAST_WORK_S)
            self._database.client.close()
        if self._failure is not None:
            raise self._failure

    def _write(self) -> None:
        self._writer.work(
            self._part.stopping,
            on_failure=lambda error: self._conditions.trouble(_MONGODB, str(error)),
            on_success=lambda: self._conditions.well(_MONGODB),
        )

    def _write_devices(self) -> None:
        self._devices.work(
            self._part.stopping,
            on_failure=lambda error: self._conditions.trouble(_DEVICES, str(error)),
            on_success=lambda: self._conditions.well(_DEVICES),
        )

    def _renew(self) -> None:
        self._renewal.work(self._part.stopping)

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it crosses to the main thread, which raises it
            self._failure = error
            self._part.stopping.set()

    def _serve(self) -> None:
        """Wait for a share, and serve it until its lease is lost."""
        self._is_standing_by = False
        stopping = self._part.stopping
        with leased_share(self._settings, self._database, stopping, self._stand_by) as leased:
            self._conditions.well(_LEASE)
            if leased is None:
                return
            share, lease = leased
            self._part.log.info("term_began", server=self._settings.traccar_name, share=share.number, term=lease.term)
            Term(
                self._settings,
                sign_ins=self._sign_ins,
                database=self._database,
                store=self._store,
                writer=self._writer,
                devices=self._devices,
                conditions=self._conditions,
                share=share,
                lease=lease,
                signed_in=self._signed_in,
                stopping=stopping,
            ).run()
            if not stopping.is_set():
                self._part.log.warning("lease_lost", server=self._settings.traccar_name, share=share.number)

    def _stand_by(self, held: LeaseHeld) -> None:
        """Say what the bridge waits for; at first find out whether it could take over."""
        mine = note_of(self._settings)
        if not self._is_standing_by:
            self._is_standing_by = True
            self._part.log.info("standing_by", server=self._settings.traccar_name, holder=held.holder)
            self._try_sign_in()
        self._conditions.begin(f"standing by for {held.holder}", set())
        if held.note == mine:
            self._conditions.well(_LEASE)
        else:
            self._conditions.trouble(
                _LEASE,
                f"{held.holder} follows {held.note} by the name {self._settings.traccar_name}, and this bridge {mine}. "
                "Give each Traccar server its own ITRACK_TRACCAR_NAME, and all bridges of one server the same "
                "ITRACK_TRACCAR_URL and ITRACK_BRIDGE_SHARDS.",
            )

    def _try_sign_in(self) -> None:
        """One that Traccar refuses is told now, not when the bridge is needed.

        Raises:
            FixConfiguration: it is refused.
        """
        try:
            with Traccar(self._settings, self._sign_ins) as traccar:
                traccar.devices()
            self._signed_in.set()
        except Refused as error:
            raise FixConfiguration(str(error)) from error
        except TryAgain as error:
            self._part.log.warning("sign_in_not_tried", error=str(error))
