"""A store of findings as MongoDB is one: what a fleet tells is written, replaced and withdrawn by identifier."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from itrack.fix import Fix
from itrack.mobility import Staypoint
from itrack.trajectory.fleet import Anchor, Fleet, Repair, Repaired
from itrack.trajectory.news import News, findings_of, id_of, news_of, news_of_repair
from itrack.trajectory.point import milliseconds_of
from itrack.trajectory.replay import in_order, points_upto, replay
from itrack.trajectory.rules import Rules
from itrack.trajectory.words import Finding, Speaker


class Ledger:
    """A fleet, the fixes and findings that are stored, and the repairs that are under way.

    Attributes:
        findings: by identifier.
        fixes: all that were stored, by identifier.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.fleet = Fleet(rules)
        self.findings: dict[str, Finding] = {}
        self.fixes: dict[str, Fix] = {}
        self.repairs: dict[str, Repair] = {}
        self.repaired = 0
        self._anchors: dict[tuple[str, int], Anchor] = {}

    def take(self, fixes: Iterable[Fix]) -> None:
        """Fixes that reach the fleet; the store had them before."""
        batch = list(fixes)
        self.fixes |= {fix.fix_id: fix for fix in batch}
        judged = self.fleet.on_fixes(batch)
        self._write(news_of(judged, self.speaker))
        for anchor in judged.anchors:
            self._anchors[anchor.device_id, anchor.base[0]] = anchor
        self.repairs |= {repair.device_id: repair for repair in judged.repairs}

    def hear(self, now: datetime) -> None:
        """Silence until then."""
        self._write(news_of(self.fleet.on_time(now), self.speaker))

    def restart(self) -> None:
        """The fleet goes on from its snapshot."""
        self.fleet = Fleet(self.rules, self.fleet.snapshot())

    def repair_one(self) -> None:
        """Do one of the repairs that were asked for, as the stream's repairer does."""
        _, repair = self.repairs.popitem()
        self.repaired += 1
        anchor = self._anchor_before(repair)
        own = [fix for fix in self.fixes.values() if fix.device_id == repair.device_id]
        points = points_upto(in_order(own, self.rules), repair.base, after=None if anchor is None else anchor.base)
        replayed = replay(points, self.rules, phone=None if anchor is None else anchor.phone)
        since_ms = -(2**62) if anchor is None else anchor.base[0]
        before = [
            finding
            for finding in self.findings.values()
            if finding.device_id == repair.device_id and since_ms < milliseconds_of(finding.judged_at)
        ]
        news = news_of_repair(before, replayed, self.speaker(repair.device_id))
        news.progress = []  # the fleet knows more
        self._write(news)
        for key in [key for key in self._anchors if key[0] == repair.device_id and key[1] >= repair.since_ms]:
            del self._anchors[key]
        for base, phone in replayed.anchors:
            self._anchors[repair.device_id, base[0]] = Anchor(
                device_id=repair.device_id, base=base, phone=phone, rules=self.rules.name
            )
        answer = Repaired(repair=repair, phone=replayed.phone.tobytes(), found=replayed.told.tobytes())
        judged = self.fleet.adopt(answer)
        self._write(news_of(judged, self.speaker))
        self.repairs |= {again.device_id: again for again in judged.repairs}

    def speaker(self, device_id: str) -> Speaker:
        return Speaker(device_id, self.rules, 9)

    def _anchor_before(self, repair: Repair) -> Anchor | None:
        mine = [
            anchor
            for (device_id, at_ms), anchor in self._anchors.items()
            if device_id == repair.device_id and at_ms < repair.since_ms
        ]
        return max(mine, key=lambda anchor: anchor.base, default=None)

    def _write(self, news: News) -> None:
        for event in news.events:
            if event.kind.is_withdrawal:
                self.findings.pop(id_of(event.subject), None)
            else:
                self.findings[id_of(event.subject)] = event.subject
        for finding in news.dropped:
            self.findings.pop(id_of(finding), None)
        for finding in news.kept:
            self.findings[id_of(finding)] = finding
        for grown in news.progress:
            told = self.findings.get(grown.staypoint_id)
            if isinstance(told, Staypoint) and told.ended_at is None:
                self.findings[grown.staypoint_id] = replace(grown, judged_at=told.judged_at)


def batch_findings(fixes: Iterable[Fix], rules: Rules, now: datetime) -> dict[str, Finding]:
    """All findings of one phone's fixes, judged in one go."""
    own = list(fixes)
    replayed = replay(in_order(own, rules), rules, silent_until_ms=milliseconds_of(now))
    return findings_of(replayed, Speaker(own[0].device_id, rules, 9)) if own else {}
