"""The bridge's health, made of what each of its threads says."""

from __future__ import annotations

import threading

from itrack.part import Part

__all__ = ["Conditions"]


class Conditions:
    """The part is healthy when no thread is in trouble and all have spoken.

    Args:
        part: told the sum.
        names: of the threads that have to speak.
    """

    def __init__(self, part: Part, names: list[str]) -> None:
        self._part = part
        self._lock = threading.Lock()
        self._troubles: dict[str, str | None] = dict.fromkeys(names, "starting")

    def trouble(self, name: str, sentence: str) -> None:
        """What keeps `name` from its work."""
        self._set(name, sentence)

    def well(self, name: str) -> None:
        """`name` does its work."""
        self._set(name, None)

    def _set(self, name: str, sentence: str | None) -> None:
        with self._lock:
            self._troubles[name] = sentence
            troubles = [each for each in self._troubles.values() if each is not None]
            if troubles:
                self._part.unhealthy("; ".join(troubles))
            else:
                self._part.healthy("following Traccar")
