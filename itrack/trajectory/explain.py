"""Why a fix was used, or was not, and what it is a part of: in sentences, from what its phone's fixes tell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from itrack.fix import Fix
from itrack.instant import Instant
from itrack.mobility import Anomaly, Gap, Staypoint, Trip, Tripleg, Verdict
from itrack.trajectory.words import Finding

__all__ = ["Explanation", "explain"]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a fix.

    Attributes:
        is_used: whether stops, trips and distances are made of it.
        flag: why it is not; None when it is.
        rules: the rules that say so.
        sentences: the story, for a person.
    """

    fix_id: str
    device_id: str
    fixed_at: Instant
    is_used: bool
    flag: str | None
    rules: str
    sentences: list[str]


def explain(fix: Fix, findings: Iterable[Finding], rules: str) -> Explanation:
    """The story of one fix.

    Args:
        fix: of the phone that the findings are of.
        findings: all that the phone's fixes around it tell.
        rules: name of the rules they were found by.
    """
    found = list(findings)
    verdict = next((each for each in found if isinstance(each, Verdict) and each.fix_id == fix.fix_id), None)
    sentences = [_verdict(verdict)]
    if verdict is None:
        sentences += [sentence for each in found for sentence in _part(fix.fixed_at, each)]
    sentences += [
        f"It shows something odd ({each.severity}): {each.sentence}"
        for each in found
        if isinstance(each, Anomaly) and each.fix_id == fix.fix_id
    ]
    return Explanation(
        fix_id=fix.fix_id,
        device_id=fix.device_id,
        fixed_at=fix.fixed_at,
        is_used=verdict is None,
        flag=None if verdict is None else verdict.flag,
        rules=rules,
        sentences=sentences,
    )


def _verdict(verdict: Verdict | None) -> str:
    if verdict is None:
        return "The fix is used."
    return f"The fix is kept and not used: {verdict.flag.replace('_', ' ')}. {verdict.reason}"


def _part(at: datetime, finding: Finding) -> Iterable[str]:
    """What the finding says of a used fix of that time."""
    match finding:
        case Staypoint() if finding.started_at <= at <= (finding.ended_at or finding.last_fixed_at):
            until = "it goes on" if finding.ended_at is None else f"until {_clock(finding.ended_at)}"
            yield (
                f"It is part of a stop since {_clock(finding.started_at)} ({until}): what it moves within the stop is "
                "jitter and adds no distance."
            )
        case Trip() if finding.started_at <= at <= finding.ended_at:
            yield (
                f"It is part of a trip from {_clock(finding.started_at)} to {_clock(finding.ended_at)}, "
                f"{finding.distance_m:.0f} m long."
            )
        case Tripleg() if finding.started_at <= at <= finding.ended_at:
            yield f"The person went by {finding.mode} then (confidence {finding.confidence:.0%})."
        case Gap() if finding.started_at <= at <= finding.ended_at:
            yield (
                f"It is at the edge of a gap from {_clock(finding.started_at)} to {_clock(finding.ended_at)}: "
                "nobody knows the way, so there is no line and no distance."
            )


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
