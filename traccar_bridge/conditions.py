"""The bridge's health, made of what each of its threads says."""

from __future__ import annotations

import threading

from itrack.part import Part

__all__ = ["Conditions"]


class Conditions:
    """The part is healthy when no thread is in trouble and all have spoken that have to.

    Args:
        part: told the sum.
    """

    def __init__(self, part: Part) -> None:
        self._part = part
        self._lock = threading.Lock()
        self._doing = "starting"
        self._troubles: dict[str, str | None] = {}
        self._passing: set[str] = set()

    def begin(self, doing: str, to_speak: set[str]) -> None:
        """The bridge does something else from now on.

        Args:
            doing: what, for the health sentence when all is well.
            to_speak: names of the threads that do it; those of what it did before no longer count.
        """
        with self._lock:
            for name in self._passing:
                self._troubles.pop(name, None)
            self._doing, self._passing = doing, to_speak
            self._troubles |= dict.fromkeys(to_speak, "starting")
            self._tell()

    def trouble(self, name: str, sentence: str) -> None:
        """What keeps `name` from its work."""
        self._set(name, sentence)

    def well(self, name: str) -> None:
        """`name` does its work."""
        self._set(name, None)

    def _set(self, name: str, sentence: str | None) -> None:
        with self._lock:
            self._troubles[name] = sentence
            self._tell()

    def _tell(self) -> None:
        troubles = [each for each in self._troubles.values() if each is not None]
        if troubles:
            self._part.unhealthy("; ".join(troubles))
        else:
            self._part.healthy(self._doing)
