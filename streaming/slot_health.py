"""What the work on each slot says of itself, told to the part as one sentence."""

from __future__ import annotations

import threading

from itrack.part import Part
from streaming.slots import Slot

__all__ = ["PartHealth", "SlotHealth"]


class PartHealth:
    """Gathers what slots say; unhealthy when one of them is. May be used by several threads."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._said: dict[Slot, tuple[bool, str]] = {}
        self._lock = threading.Lock()

    def say(self, slot: Slot, is_healthy: bool, detail: str) -> None:
        """Note what a slot says."""
        with self._lock:
            self._said[slot] = (is_healthy, detail)
            self._tell()

    def forget(self, slot: Slot) -> None:
        """The slot is no longer worked on here."""
        with self._lock:
            self._said.pop(slot, None)
            if self._said:
                self._tell()

    def _tell(self) -> None:
        if all(is_healthy for is_healthy, _ in self._said.values()):
            self._part.healthy(_sentence(self._said))
        else:
            self._part.unhealthy(_sentence({slot: said for slot, said in self._said.items() if not said[0]}))


class SlotHealth:
    """One slot's voice, with the methods of a `Part`."""

    def __init__(self, slot: Slot, health: PartHealth) -> None:
        self._slot = slot
        self._health = health

    def healthy(self, detail: str) -> None:
        """Say that the slot is worked on."""
        self._health.say(self._slot, True, detail)

    def unhealthy(self, detail: str) -> None:
        """Say what keeps the slot from being worked on."""
        self._health.say(self._slot, False, detail)


def _sentence(said: dict[Slot, tuple[bool, str]]) -> str:
    """Each thing that is said once, with the slots that say it; no slot is named when there is only one."""
    by_detail: dict[str, list[Slot]] = {}
    for slot, (_, detail) in sorted(said.items()):
        by_detail.setdefault(detail, []).append(slot)
    return "; ".join(
        detail if slots[0].count == 1 else f"slot {', '.join(str(each.number) for each in slots)}: {detail}"
        for detail, slots in by_detail.items()
    )
