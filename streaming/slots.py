"""Slots: the parts into which devices are split, so that several producers can share them.

A device belongs to one slot by the hash of its identifier, which MongoDB itself computes, so that only a slot's own
fixes leave the server. Each slot has its own bookmark and is worked on by one producer at a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from itrack.mongo import Document

__all__ = ["ONLY_SLOT", "Slot", "fair_share", "slot_named", "slots_of"]


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One of `count` slots, numbered from 0."""

    number: int
    count: int

    @property
    def name(self) -> str:
        """`_id` of its bookmark."""
        return "producer" if self.count == 1 else f"producer:{self.number}/{self.count}"

    def condition(self, device_field: str) -> Document:
        """What MongoDB keeps this slot's documents by; empty for the only slot.

        Args:
            device_field: path of `device_id` in the document at hand. One that is missing has a hash like any other.
        """
        if self.count == 1:
            return {}
        remainder = {"$mod": [{"$toHashedIndexKey": f"${device_field}"}, self.count]}
        # The hash is signed, and so is its remainder.
        return {"$expr": {"$in": [remainder, [self.number, self.number - self.count]]}}


ONLY_SLOT = Slot(0, 1)


def slots_of(count: int) -> list[Slot]:
    """All slots when there are `count`."""
    return [Slot(number, count) for number in range(count)]


def slot_named(name: str) -> Slot | None:
    """The slot whose bookmark has that name."""
    if name == ONLY_SLOT.name:
        return ONLY_SLOT
    found = re.fullmatch(r"producer:(\d+)/(\d+)", name)
    return Slot(int(found[1]), int(found[2])) if found else None


def fair_share(slots: int, producers: int, rank: int) -> int:
    """How many of `slots` a producer works on when `rank` of the `producers` come before it.

    The shares of all add up to `slots`, and differ by at most one.
    """
    return slots // producers + (rank < slots % producers)
