"""How the map is, told on `/healthz` as every part does; uvicorn owns the port, so `itrack.part.Part` cannot."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

__all__ = ["Health"]


class Health:
    """What each of the map's sources last said. The map is healthy when all of them are. Safe between threads."""

    def __init__(self, *sources: str) -> None:
        self._started_at = datetime.now(UTC)
        self._lock = threading.Lock()
        self._said: dict[str, tuple[bool, str]] = dict.fromkeys(sources, (False, "starting"))

    def say(self, source: str, *, ok: bool, detail: str) -> None:
        """Note how a source is, in a sentence."""
        with self._lock:
            self._said[source] = (ok, detail)

    def of(self, source: str) -> tuple[bool, str]:
        """What a source last said."""
        with self._lock:
            return self._said[source]

    def answer(self) -> dict[str, Any]:
        """The body of `/healthz`."""
        with self._lock:
            wrong = [detail for ok, detail in self._said.values() if not ok]
        return {
            "part": "map",
            "healthy": not wrong,
            "detail": "; ".join(dict.fromkeys(wrong)) or "working",
            "started_at": self._started_at.isoformat(),
        }
