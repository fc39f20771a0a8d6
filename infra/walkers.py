"""The people who walk through the demo: hours of history at once, then live; a restart goes on where it stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from infra.senders import Sender
from infra.workspace import Workspace
from itrack.instant import Instant
from itrack.settings import Settings
from simulator.delivery import Delivery, Planned, deliver
from simulator.osmand_forms import Form
from simulator.registration import register_devices
from simulator.simulate import make_crowd

__all__ = ["DemoWalkers", "Outing", "plan_reports"]

_NAMES = ("Ada", "Bruno", "Chiara", "Dario", "Elif", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Lior")
_HISTORY = timedelta(hours=3)
_OUTING = timedelta(hours=24)
_CATCH_UP_PER_S = 150.0
_NOTE_EVERY = timedelta(seconds=2)


class Outing(msgspec.Struct, frozen=True, kw_only=True):
    """Which people walk, when they went out, and until when their reports have been sent."""

    seed: int
    began_at: Instant
    sent_until: Instant


class DemoWalkers(Sender):
    """People whose phones report for as long as the demo runs.

    What a phone would have reported while the demo was off it sends late, as real phones do.

    Args:
        settings: where they report.
        workspace: where it is noted how far they have come.
        history_only: send what is past, then end.
    """

    def __init__(self, settings: Settings, workspace: Workspace, *, history_only: bool = False) -> None:
        super().__init__()
        self._settings = settings
        self._note: Path = workspace.run / "demo-walkers.json"
        now = datetime.now(UTC)
        self._outing = self._read_note(now)
        self._plans, due_s = plan_reports(self._outing, now, history_only=history_only)
        now_s = (now - self._outing.began_at).total_seconds()
        self.history = sum(1 for each in due_s if each < now_s)
        self._due_s = due_s
        self._noted_at = now

    def send(self) -> None:
        """Register the phones and report."""
        register_devices(self._plans, self._settings, dict(zip(self._plans, _NAMES, strict=True)))
        deliver(
            self._plans,
            self._settings.osmand_address,
            form=Form.JSON,
            on_progress=self.note,
            stopping=self.stopping,
        )

    def note(self, delivery: Delivery) -> None:
        """Take over how the delivery stands, and note it for the next start."""
        super().note(delivery)
        now = datetime.now(UTC)
        if now - self._noted_at > _NOTE_EVERY and self.sent < len(self._due_s):
            self._noted_at = now
            sent_until = self._outing.began_at + timedelta(seconds=self._due_s[self.sent])
            self._write_note(msgspec.structs.replace(self._outing, sent_until=sent_until))

    def _read_note(self, now: datetime) -> Outing:
        """The outing under way, or a new one by new people when there is none or it is over."""
        if self._note.exists():
            try:
                outing = msgspec.json.decode(self._note.read_bytes(), type=Outing)
            except msgspec.MsgspecError:
                outing = None  # written by another version: begin a new one
            if outing is not None and now < outing.began_at + _OUTING - timedelta(hours=1):
                return outing
        began_at = now - _HISTORY
        outing = Outing(seed=int(now.timestamp()) % 100_000, began_at=began_at, sent_until=began_at)
        self._write_note(outing)
        return outing

    def _write_note(self, outing: Outing) -> None:
        partial = self._note.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(outing))
        partial.replace(self._note)


def plan_reports(
    outing: Outing, now: datetime, *, history_only: bool = False
) -> tuple[dict[str, list[Planned]], list[float]]:
    """When each report leaves, by phone; and when each left or will leave by the outing's own clock, in seconds.

    History leaves in order, so many a second that the line can follow; the rest when it is measured.
    """
    crowd = make_crowd(
        len(_NAMES), _OUTING / timedelta(hours=1), seed=outing.seed, now=outing.began_at, device_prefix="walker-"
    )
    already_s = (outing.sent_until - outing.began_at).total_seconds()
    now_s = (now - outing.began_at).total_seconds()
    wanted = {
        unique_id: [
            report for report in plan if already_s <= report.due_s and (report.due_s < now_s or not history_only)
        ]
        for unique_id, plan in crowd.plans.items()
    }
    due_s = sorted(report.due_s for plan in wanted.values() for report in plan)
    place = {due: number for number, due in enumerate(due_s)}
    caught_up_s = sum(1 for due in due_s if due < now_s) / _CATCH_UP_PER_S

    def leaves_s(report: Planned) -> float:
        if report.due_s < now_s:
            return place[report.due_s] / _CATCH_UP_PER_S
        return max(caught_up_s, report.due_s - now_s)

    plans = {
        unique_id: [Planned(due_s=leaves_s(report), point=report.point) for report in plan]
        for unique_id, plan in wanted.items()
    }
    return plans, due_s
