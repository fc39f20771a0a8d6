"""A town of blocks: corners, and ways along streets between them. Metres on a plane."""

from __future__ import annotations

import math
from random import Random

import msgspec

__all__ = ["Corner", "Town"]

Corner = tuple[int, int]
"""A crossing, counted in blocks from the centre."""


class Town(msgspec.Struct, frozen=True, kw_only=True):
    """Streets that cross at right angles, turned against north.

    Attributes:
        block_m: length and width of a block.
        turned_rad: angle of the first street against east.
        size_blocks: corners lie within so many blocks of the centre.
    """

    block_m: tuple[float, float] = (95.0, 120.0)
    turned_rad: float = 0.35
    size_blocks: int = 9

    def place(self, corner: Corner) -> tuple[float, float]:
        """East and north of a corner in metres."""
        along, across = corner[0] * self.block_m[0], corner[1] * self.block_m[1]
        cos, sin = math.cos(self.turned_rad), math.sin(self.turned_rad)
        return along * cos - across * sin, along * sin + across * cos

    def corner(self, random: Random) -> Corner:
        """Any corner."""
        return (
            random.randint(-self.size_blocks, self.size_blocks),
            random.randint(-self.size_blocks, self.size_blocks),
        )

    def destination(self, random: Random, from_: Corner) -> Corner:
        """A corner at least four blocks away, so that a walk there is a trip by anybody's rule."""
        while True:
            corner = self.corner(random)
            if abs(corner[0] - from_[0]) + abs(corner[1] - from_[1]) >= 4:
                return corner

    def way(self, random: Random, from_: Corner, to: Corner) -> list[Corner]:
        """A shortest way along streets, both ends included; turns at random corners."""
        steps = [
            (1 if to[axis] > from_[axis] else -1, axis) for axis in (0, 1) for _ in range(abs(to[axis] - from_[axis]))
        ]
        random.shuffle(steps)
        corners = [from_]
        for step, axis in steps:
            last = corners[-1]
            corners.append((last[0] + step, last[1]) if axis == 0 else (last[0], last[1] + step))
        return corners
