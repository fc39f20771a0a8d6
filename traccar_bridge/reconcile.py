"""Reconciliation: every position that Traccar stored ends in MongoDB, whatever the socket showed.

docs/decisions/0002-bridge-reconciliation.md says why this is complete and what it costs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from itrack.settings import Settings
from traccar_bridge import metrics
from traccar_bridge.bookmarks import BridgeBookmarks
from traccar_bridge.by_id import ask_by_id, look_ahead
from traccar_bridge.decode import KnownDevice
from traccar_bridge.intake import Intake
from traccar_bridge.ledger import IdLedger
from traccar_bridge.live_writer import LiveWriter
from traccar_bridge.past import Past
from traccar_bridge.rest import Traccar
from traccar_bridge.roster import Roster
from traccar_bridge.share import Share
from traccar_bridge.sightings import Sightings
from traccar_bridge.sign_in import SignIns
from traccar_bridge.store import FixStore

__all__ = ["Reconciler"]

_TURN_S = 0.2
_SLICE = 1_000
_MOST_REFUSED = 200
_MOST_REFUSED_AFTER_GAP = 2_000
_NARROW, _WIDE = 4, 64
_MOST_FOUND = 40
_WIDE_AGAIN_AFTER_S = 120.0
_WALK_AGAIN_AFTER_S = 600.0
_ON_THEIR_WAY_S = 2.0
_UNCOMMITTED = 1_000
_RECENT = timedelta(days=2)
_OUT_OF_ORDER = timedelta(seconds=1)


class Reconciler:
    """Compares MongoDB with Traccar in rounds: on schedule, after the socket was closed, and after every doubt.

    Args:
        settings: periods.
        sign_ins: at Traccar.
        bookmarks: where this one begins, and what it moves.
        store: tells what MongoDB has.
        intake: takes what was missing.
        roster: kept up to date here.
        sightings: what the socket has shown.
        writer: live fixes that are on their way are waited for.
        share: with others, fixes may be on their way in another bridge.
        stopping: ends a round between two requests.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sign_ins: SignIns,
        bookmarks: BridgeBookmarks,
        store: FixStore,
        intake: Intake,
        roster: Roster,
        sightings: Sightings,
        writer: LiveWriter,
        share: Share,
        stopping: threading.Event,
    ) -> None:
        self._settings = settings
        self._sign_ins = sign_ins
        self._store = store
        self._intake = intake
        self._roster = roster
        self._sightings = sightings
        self._writer = writer
        self._stopping = stopping
        self._share = share
        self._bookmarks = bookmarks
        self._ledger: IdLedger | None = None
        self._past: Past | None = None
        self._next_round_s = 0.0
        self._next_urgent_s = 0.0
        self._wide_after_s = 0.0
        self._walk_after_s = 0.0
        self._last_report_at: dict[str, datetime] = {}
        self._doubted: dict[str, datetime] = {}
        self._reported: set[str] = set()
        self._noticed_s: dict[str, float] = {}
        self._had_gap = True
        self._is_at_end = True
        self._blind_since_s = 0.0

    def work(self, on_success: Callable[[], None]) -> None:
        """Reconcile until the part is to stop.

        Raises:
            TryAgain: Traccar or MongoDB is away; the next call begins with a whole round.
        """
        self._next_round_s = 0.0
        with Traccar(self._settings, self._sign_ins) as traccar:
            while not self._stopping.wait(_TURN_S):
                if self._writer.has_spooled:
                    continue  # most of what MongoDB lacks is on this machine's disk
                now_s = time.monotonic()
                is_due = now_s >= self._next_round_s
                if is_due or (now_s >= self._next_urgent_s and self._sightings.is_urgent()):
                    self._round(traccar, is_whole=is_due)
                    on_success()

    def _round(self, traccar: Traccar, *, is_whole: bool) -> None:
        doubted, blind_since_s, saw_stranger = self._sightings.take()
        self._doubted |= doubted  # the later report counts
        if blind_since_s is not None:
            self._blind_since_s = min(self._blind_since_s, blind_since_s) if self._had_gap else blind_since_s
            self._had_gap = True
        has_more = False
        if is_whole or saw_stranger:
            self._refresh_roster(traccar)
            has_more = not self._read_past(traccar)
        if is_whole or self._doubted or self._had_gap:
            self._compare(traccar, self._ledger or self._ledger_for([]))
        now_s = time.monotonic()
        self._next_urgent_s = now_s + self._settings.bridge_doubt_s
        if is_whole:
            self._next_round_s = 0.0 if has_more else now_s + self._settings.bridge_reconcile_s
            metrics.RECONCILED_TIMESTAMP.set_to_current_time()

    def _refresh_roster(self, traccar: Traccar) -> None:
        """Ask for the devices, and note which of them have reported since the last time."""
        known = self._intake.devices(traccar.devices())
        ledger = self._ledger_for(known)
        for each in known:
            ledger.saw(each.latest_position_id)
            device = each.device
            if (
                device.last_report_at is not None
                and self._last_report_at.get(device.device_id) != device.last_report_at
            ):
                self._reported.add(device.device_id)
                self._noticed_s[device.device_id] = time.monotonic()
                self._last_report_at[device.device_id] = device.last_report_at
        self._roster.replace(known)
        self._store.write_devices(each.device for each in known)
        self._store.mark_removed(self._roster.devices)
        metrics.DEVICES.set(len(known))

    def _read_past(self, traccar: Traccar) -> bool:
        if self._past is None:
            self._past = Past(self._bookmarks, self._intake, self._roster, self._stopping)
        self._past.follow_roster()
        return self._past.read_some(traccar)

    def _ledger_for(self, known: list[KnownDevice]) -> IdLedger:
        """The ledger from the bookmark. Without one it begins at the present: what is older is read as the past."""
        if self._ledger is None:
            self._bookmarks.begin()
            settled_id = self._bookmarks.settled_id()
            if settled_id is None:
                highest = max((each.latest_position_id for each in known), default=0)
                settled_id = max(0, highest - _UNCOMMITTED)
                self._bookmarks.save_settled_id(settled_id)
            self._ledger = IdLedger(settled_id)
        return self._ledger

    def _compare(self, traccar: Traccar, ledger: IdLedger) -> None:
        """Walk along the ids, look behind the last one, and move the bookmark."""
        ledger.saw(self._sightings.highest_id)
        self._writer.wait_idle(_ON_THEIR_WAY_S)
        if not self._share.is_all:
            self._stopping.wait(_ON_THEIR_WAY_S)
        if time.monotonic() < self._walk_after_s:
            self._skip(traccar, ledger, len(ledger.next_to_walk(ledger.highest_id)))
        else:
            self._find(traccar, ledger)
        if self._stopping.is_set():
            return
        self._bookmarks.save_settled_id(ledger.settled_id)
        metrics.HIGHEST_ID.set(ledger.highest_id)
        metrics.SETTLED_ID.set(ledger.settled_id)
        self._doubted, self._had_gap = {}, False
        sound_s = self._sightings.sound_until_s
        self._noticed_s = {each: noticed_s for each, noticed_s in self._noticed_s.items() if noticed_s >= sound_s}
        if self._is_at_end:
            self._reported = set()

    def _find(self, traccar: Traccar, ledger: IdLedger) -> None:
        """Walk along the ids, and look behind the highest where that may explain a report."""
        behind = self._reported_behind()
        gained: set[str] = set()
        self._is_at_end = True
        if behind or self._reported:
            gained |= self._look_ahead(traccar, ledger, _NARROW)
        gained |= self._walk(traccar, ledger)
        is_unexplained = bool(behind - gained) or (self._had_gap and bool(self._reported))
        if is_unexplained and time.monotonic() >= self._wide_after_s:
            highest_id = ledger.highest_id
            self._look_ahead(traccar, ledger, _WIDE)
            self._walk(traccar, ledger)
            if ledger.highest_id == highest_id:
                self._wide_after_s = time.monotonic() + _WIDE_AGAIN_AFTER_S

    def _reported_behind(self) -> set[str]:
        """Devices in doubt whose position may have a higher id than all that are known.

        Traccar stores in the order in which it receives, give or take a moment. So where a position was shown that it
        received after the report, the position of the report has a lower id, and the walk comes by it.
        """
        shown_at = self._sightings.shown_at
        return {
            device_id for device_id, at in self._doubted.items() if shown_at is None or at + _OUT_OF_ORDER >= shown_at
        }

    def _look_ahead(self, traccar: Traccar, ledger: IdLedger, width: int) -> set[str]:
        highest_id, rows, is_at_end = look_ahead(traccar.positions, ledger.highest_id, width, width + _MOST_FOUND)
        self._is_at_end &= is_at_end
        ledger.saw(highest_id)
        return self._intake.keep(rows)

    def _walk(self, traccar: Traccar, ledger: IdLedger) -> set[str]:
        """Ask for every id that is not in MongoDB; the devices that gained fixes by it."""
        gained = self._ask(traccar, ledger, ledger.due_again(time.monotonic()), _MOST_REFUSED)[0]
        most_refused = _MOST_REFUSED_AFTER_GAP if self._had_gap else _MOST_REFUSED
        refused = 0
        while (ids := ledger.next_to_walk(_SLICE)) and not self._stopping.is_set():
            missing = sorted(set(ids) - self._store.known(ids))
            devices, newly_refused, left = self._ask(traccar, ledger, missing, most_refused - refused)
            gained |= devices
            refused += newly_refused
            if left:
                self._walk_after_s = time.monotonic() + _WALK_AGAIN_AFTER_S
                self._skip(traccar, ledger, left + ledger.highest_id + 1 - ids.stop)
                break
            ledger.walked(ids)
            self._bookmarks.save_settled_id(ledger.settled_id)
        return gained

    def _ask(self, traccar: Traccar, ledger: IdLedger, ids: list[int], most_refused: int) -> tuple[set[str], int, int]:
        """Ask for ids: the devices that gained fixes, how many ids were refused, how many were left."""
        asked = ask_by_id(traccar.positions, ids, most_refused)
        gained = self._intake.keep(asked.positions, probably_new=True)
        for position_id in asked.too_large:
            self._intake.leave_out(f"position {position_id}")
        ledger.settled(asked.answered + asked.too_large)
        ledger.refused(asked.refused, time.monotonic())
        return gained, len(asked.refused), len(asked.left)

    def _skip(self, traccar: Traccar, ledger: IdLedger, unproven: int) -> None:
        """Where most ids are hidden from this user, read by time the devices that may have late fixes."""
        structlog.get_logger().warning("ids_skipped", count=unproven)
        metrics.UNPROVEN.inc(unproven)
        ledger.walked(range(ledger.walked_id + 1, ledger.highest_id + 1))
        ledger.give_up()
        late = self._doubted.keys() | (self._reported | self._reported_unseen() if self._had_gap else set())
        since_at = datetime.now(UTC) - _RECENT
        for device_id in late & self._roster.devices.keys():
            if self._past is not None:
                self._past.read(traccar, self._roster.devices[device_id], since_at)
        if self._past is not None:
            self._past.expire(self._reported)

    def _reported_unseen(self) -> set[str]:
        """Devices that have reported while the socket was closed, or open and dead: it showed nothing of them.

        A dead socket is noticed late, so reports that earlier rounds took note of count as well.
        """
        return {each for each, noticed_s in self._noticed_s.items() if noticed_s >= self._blind_since_s}
