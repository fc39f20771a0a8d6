"""Asking for positions by id although one hole makes Traccar refuse the whole request. Pure but for the asking."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from traccar_bridge.errors import TooMuch
from traccar_bridge.rest import MOST_IDS

__all__ = ["Asked", "ask_by_id", "look_ahead"]

Ask = Callable[[Sequence[int]], list[bytes] | None]
"""Positions of these ids, None when refused; may raise `TooMuch`: `Traccar.positions`."""


class Asked:
    """What came of it: each id is in exactly one of the first four.

    Attributes:
        answered: ids that exist and may be seen.
        refused: ids that were asked for alone and refused.
        too_large: ids that exist, whose position alone is more than the bridge takes.
        left: ids that were not asked for since too many were refused.
        positions: the texts.
    """

    def __init__(self) -> None:
        self.answered: list[int] = []
        self.refused: list[int] = []
        self.too_large: list[int] = []
        self.left: list[int] = []
        self.positions: list[bytes] = []


def ask_by_id(ask: Ask, ids: Sequence[int], most_refused: int) -> Asked:
    """Ask for `ids`, halving a request that is refused or answered too largely until the ids that spoil it are found.

    One such id among n costs about 2 log2(n) requests.

    Args:
        ask: how.
        ids: rising.
        most_refused: after more refused ids than this the rest is left.
    """
    asked = Asked()
    waiting = [ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS)][::-1]
    while waiting:
        part = waiting.pop()
        if len(asked.refused) > most_refused:
            asked.left += part
            continue
        spoilt = asked.refused
        try:
            positions = ask(part)
        except TooMuch:
            positions, spoilt = None, asked.too_large
        if positions is not None:
            asked.positions += positions
            asked.answered += part
        elif len(part) == 1:
            spoilt += part
        else:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
    return asked


def look_ahead(ask: Ask, after_id: int, width: int, most_requests: int) -> tuple[int, list[bytes], bool]:
    """Find positions above the highest known id, jumping over up to `width` - 1 holes in a row.

    While positions are found the requests double in size; at the end `width` single ids are refused. An answer that is
    too large tells that the ids exist; `ask_by_id` gets them.

    Where Traccar stores as fast as it answers there is no end: after `most_requests` another look has to go on.

    Returns:
        The highest id found (`after_id` when none), the texts found on the way, and whether the end was reached.
    """
    highest, candidate, size = after_id, after_id + 1, 1
    found: list[bytes] = []
    for _ in range(most_requests):
        if candidate - highest > width:
            return highest, found, True
        try:
            positions = ask(range(candidate, candidate + size))
        except TooMuch:
            highest = candidate + size - 1
            candidate, size = highest + 1, max(1, size // 2)
            continue
        if positions is not None:
            found += positions
            highest = candidate + size - 1
            candidate, size = highest + 1, min(size * 2, MOST_IDS)
        elif size > 1:
            size = 1
        else:
            candidate += 1
    return highest, found, candidate - highest > width
