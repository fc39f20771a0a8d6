"""Some at once: what is too much to hold, and too dear to do one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["in_batches"]

T = TypeVar("T")


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The same items in lists of `size`; the last list may be shorter, none is empty."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
