"""Keeping the roster of a bridge that leaves reconciliation to the bridge of the first share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from itrack.settings import Settings
from traccar_bridge.intake import Intake
from traccar_bridge.rest import Traccar
from traccar_bridge.roster import Roster
from traccar_bridge.sightings import Sightings
from traccar_bridge.sign_in import SignIns

__all__ = ["RosterKeeper"]

_TURN_S = 0.2


class RosterKeeper:
    """Asks for the devices on the schedule of reconciliation, and soon when one was shown that is not listed.

    Args:
        settings: periods.
        sign_ins: at Traccar.
        intake: reads the answer.
        roster: kept up to date here.
        sightings: tells of devices that are not listed.
        stopping: ends the work.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sign_ins: SignIns,
        intake: Intake,
        roster: Roster,
        sightings: Sightings,
        stopping: threading.Event,
    ) -> None:
        self._settings = settings
        self._sign_ins = sign_ins
        self._intake = intake
        self._roster = roster
        self._sightings = sightings
        self._stopping = stopping

    def work(self, on_success: Callable[[], None]) -> None:
        """Keep the roster until the bridge is to stop.

        Raises:
            TryAgain: Traccar or MongoDB is away.
        """
        last_s = -self._settings.bridge_reconcile_s
        saw_stranger = False
        with Traccar(self._settings, self._sign_ins) as traccar:
            while not self._stopping.wait(_TURN_S):
                saw_stranger |= self._sightings.take()[2]
                pause_s = self._settings.bridge_doubt_s if saw_stranger else self._settings.bridge_reconcile_s
                if time.monotonic() - last_s >= pause_s:
                    self._roster.replace(self._intake.devices(traccar.devices()))
                    last_s, saw_stranger = time.monotonic(), False
                    on_success()
