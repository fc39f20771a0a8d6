"""`itrack bridge`: what Traccar has goes into MongoDB; the socket for speed, REST for truth.

| thread | does |
| --- | --- |
| main | reads the socket, decodes, hands over |
| writer | writes live fixes to MongoDB |
| reconciler | compares MongoDB with Traccar and fetches what is missing |
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

from itrack.again import work_until_stopped
from itrack.errors import FixConfiguration, TryAgain
from itrack.mongo import ensure_indexes, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.part import Part
from itrack.settings import Settings, load_settings
from traccar_bridge import metrics
from traccar_bridge.conditions import Conditions
from traccar_bridge.errors import Refused
from traccar_bridge.feed import frames, open_socket
from traccar_bridge.intake import Intake
from traccar_bridge.live import Live
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.reconcile import Reconciler
from traccar_bridge.rest import Traccar
from traccar_bridge.roster import Roster
from traccar_bridge.sightings import Sightings
from traccar_bridge.store import FixStore

__all__ = ["run"]

_LAST_WORK_S = 5.0
_SOCKET, _MONGODB, _RECONCILIATION = "socket", "MongoDB", "reconciliation"


def run(settings: Settings | None = None) -> None:
    """Follow Traccar until SIGTERM.

    Raises:
        FixConfiguration: a person has to change something, such as a sign-in that Traccar refuses.
    """
    settings = settings or load_settings()
    with Part("bridge", settings, settings.bridge_metrics_port) as part:
        _Bridge(settings, part).run()


class _Bridge:
    """The three threads and what they share."""

    def __init__(self, settings: Settings, part: Part) -> None:
        self._settings = settings
        self._part = part
        self._server = settings.traccar_name
        self._database = open_database(settings, part="bridge", timeout_s=3.0)
        store = FixStore(self._database, self._server)
        self._roster = Roster()
        self._sightings = Sightings(settings.bridge_doubt_s)
        self._writer = LiveWriter(store)
        self._live = Live(self._roster, self._sightings, self._writer, self._server)
        self._intake = Intake(store, self._roster, self._server)
        self._reconciler = Reconciler(
            settings,
            database=self._database,
            store=store,
            intake=self._intake,
            roster=self._roster,
            sightings=self._sightings,
            writer=self._writer,
            stopping=part.stopping,
        )
        self._conditions = Conditions(part, [_SOCKET, _RECONCILIATION])
        self._was_connected = False
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Work until the part is to stop; an error of any thread ends all of them and is raised."""
        threads = [
            threading.Thread(target=self._guard, args=(work,), name=work.__name__.strip("_"), daemon=True)
            for work in (self._write, self._reconcile)
        ]
        try:
            for thread in threads:
                thread.start()
            work_until_stopped(self._listen, self._part.stopping, on_failure=self._on_socket_failure)
        finally:
            self._part.stopping.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join(timeout=_LAST_WORK_S)  # one that waits for a frozen MongoDB has moved no bookmark
            self._database.client.close()
        if self._failure is not None:
            raise self._failure

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it crosses to the main thread, which raises it
            self._failure = error
            self._part.stopping.set()

    def _write(self) -> None:
        self._writer.work(
            self._part.stopping,
            on_failure=lambda error: self._conditions.trouble(_MONGODB, str(error)),
            on_success=lambda: self._conditions.well(_MONGODB),
        )

    def _reconcile(self) -> None:
        def reconcile() -> None:
            with asking_mongodb("make indexes"):
                ensure_indexes(self._database)
            self._reconciler.work(on_success=lambda: self._conditions.well(_RECONCILIATION))

        work_until_stopped(
            reconcile,
            self._part.stopping,
            on_failure=lambda error: self._conditions.trouble(_RECONCILIATION, str(error)),
        )

    def _listen(self) -> None:
        """One life of the socket."""
        with Traccar(self._settings) as traccar:
            known = self._intake.devices(traccar.devices())
            self._roster.replace(known)
            version = self._roster.version
            with closing(open_socket(self._settings, traccar)) as socket:
                self._was_connected = True
                self._conditions.well(_SOCKET)
                self._sightings.note_gap()
                metrics.CONNECTED.set(1)
                try:
                    for message in frames(socket, self._settings.bridge_silence_s, lambda: self._should_leave(version)):
                        self._live.take(message)
                finally:
                    metrics.CONNECTED.set(0)
        if not self._part.stopping.is_set():
            metrics.RECONNECTS.labels("devices_changed").inc()

    def _should_leave(self, version: int) -> bool:
        """A user's open socket does not show devices that were given to them later, and shows those taken away."""
        return self._part.stopping.is_set() or self._roster.version != version

    def _on_socket_failure(self, error: TryAgain) -> None:
        metrics.RECONNECTS.labels(getattr(error, "reason", "other")).inc()
        self._conditions.trouble(_SOCKET, str(error))
        is_own_stand_in = self._settings.traccar_url is None and self._settings.traccar_token is None
        if isinstance(error, Refused) and not self._was_connected and not is_own_stand_in:
            raise FixConfiguration(str(error)) from error
