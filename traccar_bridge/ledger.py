"""The ledger of position ids: which are accounted for, and which still have to be asked for. Pure.

Position ids rise in the order in which Traccar stores. So a position that the socket never showed has an id between
those it did show, and walking along the ids finds it, however old its fix is.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["IdLedger"]

_ASK_AGAIN_AFTER_S = (5.0, 30.0, 120.0, 300.0)


class IdLedger:
    """Accounts for every position id of one Traccar server.

    An id that Traccar refuses may be a hole (a rolled-back insert, a deleted row), a position this user may not see,
    or an insert that is not committed yet. It is asked for again for five minutes, then given up.

    Args:
        settled_id: every id up to this one is accounted for; what the bookmark keeps.

    Attributes:
        highest_id: highest id that is known to exist.
        walked_id: every id up to this one was asked for at least once.
    """

    def __init__(self, settled_id: int) -> None:
        self.highest_id = settled_id
        self.walked_id = settled_id
        self._refused: dict[int, tuple[float, int]] = {}

    @property
    def settled_id(self) -> int:
        """Every id up to here is stored, set aside or given up."""
        return min(self._refused, default=self.walked_id + 1) - 1

    def saw(self, position_id: int) -> None:
        """An id exists."""
        self.highest_id = max(self.highest_id, position_id)

    def next_to_walk(self, size: int) -> range:
        """The next ids that were never looked at, at most `size`; empty at the end."""
        return range(self.walked_id + 1, min(self.walked_id + size, self.highest_id) + 1)

    def walked(self, ids: range) -> None:
        """All of `ids` were looked at; those Traccar refused were told to `refused`."""
        self.walked_id = max(self.walked_id, ids.stop - 1)

    def due_again(self, now_s: float) -> list[int]:
        """Refused ids whose next question is due."""
        return [
            position_id
            for position_id, (first_s, asked) in self._refused.items()
            if now_s - first_s >= _ASK_AGAIN_AFTER_S[asked]
        ]

    def refused(self, ids: Iterable[int], now_s: float) -> list[int]:
        """Traccar refused these.

        Returns:
            Those that are given up with this.
        """
        given_up = []
        for position_id in ids:
            if position_id not in self._refused:
                self._refused[position_id] = (now_s, 0)
                continue
            first_s, asked = self._refused[position_id]
            if asked + 1 == len(_ASK_AGAIN_AFTER_S):
                del self._refused[position_id]
                given_up.append(position_id)
            else:
                self._refused[position_id] = (first_s, asked + 1)
        return given_up

    def settled(self, ids: Iterable[int]) -> None:
        """These are stored, set aside or not ours after all."""
        for position_id in ids:
            self._refused.pop(position_id, None)

    def give_up(self) -> None:
        """Ask for no refused id again."""
        self._refused.clear()
