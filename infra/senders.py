"""Who sends reports in a demo or a trial: something that starts, counts what it sent, and stops."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence

from itrack.errors import ITrackError
from itrack.settings import Settings
from simulator.delivery import Delivery
from simulator.replay import Pace, replay
from simulator.tracks import Track

__all__ = ["RecordedTracks", "Sender"]


class Sender(ABC):
    """Sends reports from a thread of its own.

    Attributes:
        history: reports that are sent as fast as the line can follow, before any that are sent as they are measured.
        sent: reports that Traccar has judged.
        accepted: those it took.
        failure: what ended the sending too early, None while all is well.
    """

    def __init__(self) -> None:
        self.history = 0
        self.sent = 0
        self.accepted = 0
        self.failure: ITrackError | None = None
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; True when it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End the sending."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def note(self, delivery: Delivery) -> None:
        """Take over how the delivery stands."""
        self.sent, self.accepted = delivery.sent, delivery.accepted

    @abstractmethod
    def send(self) -> None:
        """Send everything, calling `note` on the way, until done or `stopping` is set."""

    def _run(self) -> None:
        try:
            self.send()
        except ITrackError as error:
            self.failure = error


class RecordedTracks(Sender):
    """Replays tracks at so many reports a second.

    Args:
        tracks: what to send.
        settings: where to.
        rate_per_s: reports a second over all tracks.
    """

    def __init__(self, tracks: Sequence[Track], settings: Settings, rate_per_s: float) -> None:
        super().__init__()
        self.history = sum(len(track.points) for track in tracks)
        self._tracks = tracks
        self._settings = settings
        self._rate_per_s = rate_per_s

    def send(self) -> None:
        """Replay the tracks, each over a connection of its own."""
        replay(
            self._tracks,
            self._settings,
            pace=Pace(rate=self._rate_per_s),
            on_progress=self.note,
            stopping=self.stopping,
        )
