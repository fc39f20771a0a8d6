"""One bridge's time as the one that serves a share of a Traccar server's devices.

| thread | does |
| --- | --- |
| main | reads the socket, decodes, hands over |
| reconciler | of the first share: compares MongoDB with Traccar and fetches what is missing; else keeps the roster |
"""

from __future__ import annotations

import threading
from contextlib import closing

from pymongo.database import Database

from itrack.again import AnyOf, work_until_stopped
from itrack.errors import FixConfiguration, TryAgain
from itrack.lease import Lease
from itrack.mongo import Document, ensure_indexes
from itrack.mongo_errors import asking_mongodb
from itrack.settings import Settings
from traccar_bridge import metrics
from traccar_bridge.bookmarks import BridgeBookmarks
from traccar_bridge.conditions import Conditions
from traccar_bridge.device_writer import DeviceWriter
from traccar_bridge.errors import Refused
from traccar_bridge.feed import frames, open_socket
from traccar_bridge.intake import Intake
from traccar_bridge.live import Live
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.reconcile import Reconciler
from traccar_bridge.rest import Traccar
from traccar_bridge.roster import Roster
from traccar_bridge.roster_keeper import RosterKeeper
from traccar_bridge.share import Share
from traccar_bridge.sightings import Sightings
from traccar_bridge.sign_in import SignIns
from traccar_bridge.store import FixStore

__all__ = ["Term"]

_LAST_WORK_S = 5.0
_SOCKET, _RECONCILIATION = "socket", "reconciliation"


class Term:
    """Follows Traccar from `run` until the lease is lost or the bridge is to stop.

    Args:
        settings: of the bridge.
        sign_ins: at Traccar.
        database: of the project.
        store: what was found missing is written through it.
        writer: takes live fixes; it goes on when the term is over.
        devices: takes devices' states; likewise.
        conditions: told how it goes.
        share: which devices.
        lease: of that share.
        signed_in: set once Traccar has accepted the sign-in; before that, a refusal is for a person to mend.
        stopping: set when the bridge is to stop.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sign_ins: SignIns,
        database: Database[Document],
        store: FixStore,
        writer: LiveWriter,
        devices: DeviceWriter,
        conditions: Conditions,
        share: Share,
        lease: Lease,
        signed_in: threading.Event,
        stopping: threading.Event,
    ) -> None:
        self._settings = settings
        self._sign_ins = sign_ins
        self._database = database
        self._conditions = conditions
        self._share = share
        self._over = AnyOf(stopping, lease.is_lost)
        self._roster = Roster()
        self._sightings = Sightings(settings.bridge_doubt_s)
        self._intake = Intake(store, self._roster, settings.traccar_name)
        self._live = Live(
            self._roster, self._sightings, writer=writer, devices=devices, server=settings.traccar_name, share=share
        )
        self._reconciler = (
            Reconciler(
                settings,
                sign_ins=sign_ins,
                bookmarks=BridgeBookmarks(database, settings.traccar_name, lease.term),
                store=store,
                intake=self._intake,
                roster=self._roster,
                sightings=self._sightings,
                writer=writer,
                share=share,
                stopping=self._over,
            )
            if share.is_first
            else RosterKeeper(
                settings,
                sign_ins=sign_ins,
                intake=self._intake,
                roster=self._roster,
                sightings=self._sightings,
                stopping=self._over,
            )
        )
        self._signed_in = signed_in
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Follow Traccar.

        Raises:
            FixConfiguration: a person has to change something, such as a sign-in that Traccar refuses.
        """
        shares = "" if self._share.is_all else f", share {self._share.number} of {self._share.shards}"
        self._conditions.begin(f"following Traccar{shares}", {_SOCKET, _RECONCILIATION})
        reconciler = threading.Thread(target=self._guard, name="reconciler", daemon=True)
        try:
            reconciler.start()
            work_until_stopped(self._listen, self._over, on_failure=self._on_socket_failure)
        finally:
            self._over.set()
            reconciler.join(timeout=_LAST_WORK_S)  # one that waits for a frozen MongoDB has moved no bookmark
        if self._failure is not None:
            raise self._failure

    def _guard(self) -> None:
        try:
            work_until_stopped(
                self._reconcile,
                self._over,
                on_failure=lambda error: self._conditions.trouble(_RECONCILIATION, str(error)),
            )
        except BaseException as error:  # noqa: BLE001 - it crosses to the main thread, which raises it
            self._failure = error
            self._over.set()

    def _reconcile(self) -> None:
        with asking_mongodb("make indexes"):
            ensure_indexes(self._database)
        self._reconciler.work(on_success=lambda: self._conditions.well(_RECONCILIATION))

    def _listen(self) -> None:
        """One life of the socket."""
        with Traccar(self._settings, self._sign_ins) as traccar:
            known = self._intake.devices(traccar.devices())
            self._roster.replace(known)
            version = self._roster.version
            with closing(open_socket(self._settings, traccar)) as socket:
                self._signed_in.set()
                self._conditions.well(_SOCKET)
                self._sightings.note_gap()
                metrics.CONNECTED.set(1)
                try:
                    for message in frames(socket, self._settings.bridge_silence_s, lambda: self._should_leave(version)):
                        self._live.take(message)
                finally:
                    metrics.CONNECTED.set(0)
        if not self._over.is_set():
            metrics.RECONNECTS.labels("devices_changed").inc()

    def _should_leave(self, version: int) -> bool:
        """A user's open socket does not show devices that were given to them later, and shows those taken away."""
        return self._over.is_set() or self._roster.version != version

    def _on_socket_failure(self, error: TryAgain) -> None:
        metrics.RECONNECTS.labels(getattr(error, "reason", "other")).inc()
        self._conditions.trouble(_SOCKET, str(error))
        is_own_stand_in = self._settings.traccar_url is None and self._settings.traccar_token is None
        if isinstance(error, Refused) and not self._signed_in.is_set() and not is_own_stand_in:
            raise FixConfiguration(str(error)) from error
