"""Takes as many slots as are this producer's share, gives surplus ones back, and keeps the work on each going.

Several producers share the slots evenly. One that dies or freezes loses its slots when their leases run out, within
seconds, to those that are left. One that wakes again cannot move a bookmark; what it still publishes is published by
its successor too, and in the same order.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack

from pymongo.database import Database

from itrack.again import AnyOf
from itrack.errors import TryAgain
from itrack.lease import Lease, LeaseHeld
from itrack.mongo import Document
from itrack.part import Part
from itrack.settings import Settings
from streaming.producer_metrics import SLOTS
from streaming.slot_health import PartHealth, SlotHealth
from streaming.slot_roll import Roll, adopt_bookmarks, call_roll, lease_of, seat
from streaming.slot_worker import Assignment, work_on_slot
from streaming.slots import Slot, fair_share, slots_of

__all__ = ["SlotKeeper"]

_LOOK_EVERY_S = 1.0
_LEASE_LASTS_S = 5.0


class SlotKeeper:
    """One producer's slots.

    Args:
        settings: how many slots there are, and all that the work on one needs.
        database: holds leases and bookmarks.
        part: told how it goes; its `stopping` ends everything.
    """

    def __init__(self, settings: Settings, database: Database[Document], part: Part) -> None:
        self._settings = settings
        self._database = database
        self._part = part
        self._slots = slots_of(settings.producer_slots)
        self._health = PartHealth(part)
        self._works: dict[Slot, _Work] = {}
        self._seat: _Seat | None = None

    def run(self) -> None:
        """Keep slots until the part is to stop.

        Raises:
            FixConfiguration: a person has to change something.
        """
        try:
            while not self._part.stopping.is_set():
                try:
                    self._look_around()
                except TryAgain as error:
                    self._say_while_idle(False, str(error))
                self._part.stopping.wait(_LOOK_EVERY_S)
        finally:
            self._give_back(len(self._works))
            for work in self._works.values():
                work.join()
            self._leave_seat()
        self._clear_up()

    def _look_around(self) -> None:
        self._clear_up()
        roll = call_roll(self._database)
        if roll.has_other_bookmarks(self._slots):
            if roll.has_other_producers(self._slots):
                self._give_back(len(self._works))
                self._say_while_idle(
                    False,
                    "other producers work with another number of slots than "
                    f"ITRACK_PRODUCER_SLOTS={len(self._slots)}: stop them, or set it alike",
                )
                return
            adopt_bookmarks(self._database, self._slots)
        share = self._share(roll)
        self._give_back(len(self._works) - share)
        free = [slot for slot in roll.free(self._slots) if slot not in self._works]
        for slot in free[: max(0, share - len(self._works))]:
            self._works[slot] = work = _Work(self._settings, self._database, slot, self._health)
            work.start()
        SLOTS.set(len(self._works))
        if share == 0:
            self._say_while_idle(True, "standing by: other producers work on every slot")

    def _clear_up(self) -> None:
        """Forget work that has ended."""
        for slot, work in list(self._works.items()):
            if not work.is_alive():
                del self._works[slot]
                if work.failure is not None:
                    raise work.failure

    def _share(self, roll: Roll) -> int:
        """How many slots to work on; none without a seat."""
        if self._seat is not None and self._seat.lease.is_lost.is_set():
            self._leave_seat()
        taken = roll.seats(len(self._slots))
        if self._seat is None:
            self._seat = self._take_seat(taken)
        if self._seat is None:
            return 0
        seats = sorted({*taken, self._seat.number})
        return fair_share(len(self._slots), len(seats), seats.index(self._seat.number))

    def _take_seat(self, taken: list[int]) -> _Seat | None:
        for number in range(len(self._slots)):
            if number not in taken:
                try:
                    return _Seat(self._database, number)
                except LeaseHeld:
                    continue
        return None

    def _leave_seat(self) -> None:
        if self._seat is not None:
            self._seat.leave()
            self._seat = None

    def _give_back(self, surplus: int) -> None:
        """Let the work on so many slots end, those with the highest numbers first."""
        for slot in sorted(self._works, reverse=True)[: max(0, surplus)]:
            self._works[slot].stopping.set()

    def _say_while_idle(self, is_well: bool, detail: str) -> None:
        """Speak for the part while no slot does."""
        if not self._works:
            (self._part.healthy if is_well else self._part.unhealthy)(detail)


class _Seat:
    """A place among the producers.

    Raises:
        LeaseHeld: another one has it.
    """

    def __init__(self, database: Database[Document], number: int) -> None:
        self.number = number
        self._held = ExitStack()
        self.lease = self._held.enter_context(Lease(database, seat(number), work="producer", lasts_s=_LEASE_LASTS_S))

    def leave(self) -> None:
        self._held.close()


class _Work(threading.Thread):
    """The work on one slot while its lease is held.

    Attributes:
        stopping: ends it when set, as it is when the lease is lost.
        failure: what ended it that no repetition mends.
    """

    def __init__(self, settings: Settings, database: Database[Document], slot: Slot, health: PartHealth) -> None:
        super().__init__(name=slot.name, daemon=True)
        self.failure: BaseException | None = None
        self._settings = settings
        self._database = database
        self._slot = slot
        self._health = health
        self._lease = Lease(database, lease_of(slot), work=slot.name, lasts_s=_LEASE_LASTS_S)
        self.stopping = AnyOf(self._lease.is_lost)

    def run(self) -> None:
        health = SlotHealth(self._slot, self._health)
        try:
            with self._lease as lease:
                work_on_slot(self._settings, self._database, Assignment(self._slot, lease, self.stopping, health))
        except TryAgain:
            pass  # somebody was quicker, or MongoDB is away: the keeper looks again and says so
        except BaseException as error:  # noqa: BLE001 - the keeper raises it
            self.failure = error
        finally:
            self._health.forget(self._slot)
