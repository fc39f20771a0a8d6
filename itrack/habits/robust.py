"""Median and MAD: what is usual, hardly moved by what is not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Usual", "usual"]

_MAD_TO_SIGMA = 1.4826


class Usual(NamedTuple):
    """What is usual.

    Attributes:
        median: of the values.
        spread: a robust standard deviation, at least the floor that was given.
    """

    median: float
    spread: float

    def z(self, value: float) -> float:
        """How many spreads the value is above the median; negative below it."""
        return (value - self.median) / self.spread


def usual(values: npt.NDArray[np.float64], least_spread: float) -> Usual:
    """Median and spread of the values (any unit), 1.4826 times their median absolute deviation.

    Sources: Hampel, "The influence curve and its role in robust estimation", 1974; Iglewicz & Hoaglin, 1993.

    Args:
        values: at least one.
        least_spread: when the values hardly differ, so much is taken for ordinary all the same.
    """
    median = float(np.median(values))
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(values - median)))
    return Usual(median, max(spread, least_spread))
