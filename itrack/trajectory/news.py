"""What is to be told of findings: events with their subjects, and what is written without an event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import numpy.typing as npt

from itrack.instant import Instant
from itrack.mobility import (
    Anomaly,
    Event,
    EventKind,
    Gap,
    GeofenceVisit,
    Passage,
    Staypoint,
    Subject,
    Trip,
    Tripleg,
    Verdict,
)
from itrack.trajectory.fleet import Judged
from itrack.trajectory.point import instant_of
from itrack.trajectory.recent import AGAIN, BEFORE, NEWS, NOW, PROGRESS, REPAIRED, STOOD
from itrack.trajectory.replay import Replayed
from itrack.trajectory.words import Finding, Row, Speaker

__all__ = ["News", "begins_at", "content_of", "event_of", "findings_of", "id_of", "news_of", "news_of_repair"]


class News(msgspec.Struct, kw_only=True):
    """What is to be told and written.

    Attributes:
        events: in the order in which they became known; each carries its subject.
        progress: stays that go on, as far as they have come.
        kept: what is written without an event: verdicts, passages, and what only another fix has made so.
        dropped: verdicts and passages that are no longer so.
    """

    events: list[Event] = []
    progress: list[Staypoint] = []
    kept: list[Finding] = []
    dropped: list[Verdict | Passage] = []


_FIELDS: dict[type, tuple[str, str]] = {
    Staypoint: ("staypoint", "staypoint_id"),
    Trip: ("trip", "trip_id"),
    Tripleg: ("tripleg", "tripleg_id"),
    Gap: ("gap", "gap_id"),
    GeofenceVisit: ("visit", "visit_id"),
    Anomaly: ("anomaly", "anomaly_id"),
    Verdict: ("verdict", "fix_id"),
    Passage: ("passage", "passage_id"),
}
"""How an event names each kind of finding, and its identifier."""

_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_FOUND: dict[type, EventKind] = {
    Trip: EventKind.TRIP_ENDED,
    Tripleg: EventKind.TRIPLEG_ENDED,
    Gap: EventKind.GAP_FOUND,
    Anomaly: EventKind.ANOMALY_FOUND,
}
_WITHDRAWN: dict[type, EventKind] = {
    Staypoint: EventKind.STAYPOINT_WITHDRAWN,
    Trip: EventKind.TRIP_WITHDRAWN,
    Tripleg: EventKind.TRIPLEG_WITHDRAWN,
    Gap: EventKind.GAP_WITHDRAWN,
    GeofenceVisit: EventKind.GEOFENCE_WITHDRAWN,
    Anomaly: EventKind.ANOMALY_WITHDRAWN,
}


def news_of(judged: Judged, speaker_of: Callable[[str], Speaker]) -> News:
    """The news of one call to a fleet.

    Args:
        judged: what the call gave.
        speaker_of: puts the findings of a device into words.
    """
    news = News()
    for number, of_phone in groupby(_rows(judged.found), attrgetter("phone")):
        _tell_phone(list(of_phone), speaker_of(judged.device_ids[number]), news)
    return news


def news_of_repair(before: Iterable[Finding], replayed: Replayed, speaker: Speaker) -> News:
    """What a repair changes.

    Args:
        before: what was told of the phone and made so by a fix after the repair's beginning.
        replayed: what the fixes up to the repair's base tell now. What later fixes have made so is left as it is: the
            fleet compares that when it adopts the repair.
        speaker: puts the phone's findings into words.
    """
    news = News()
    base_at = _ANY_TIME if replayed.base is None else instant_of(replayed.base[0])
    now = _last_word(_rows(replayed.told), speaker)
    earlier: dict[str, Finding] = {}
    for finding in before:
        if finding.judged_at <= base_at:
            earlier[id_of(finding)] = finding
        else:
            now.pop(id_of(finding), None)
    now = {key: said for key, said in now.items() if key in earlier or said.row.side != STOOD}
    _compare(earlier, now, news)
    news.progress = _progress(replayed, speaker)
    return news


def findings_of(replayed: Replayed, speaker: Speaker) -> dict[str, Finding]:
    """All that a replay found, by identifier; a stay that goes on as far as it has come."""
    found = {key: said.finding for key, said in _last_word(_rows(replayed.told), speaker).items()}
    for grown in _progress(replayed, speaker):
        told = found[id_of(grown)]
        found[id_of(grown)] = msgspec.structs.replace(grown, judged_at=told.judged_at)
    return found


def _progress(replayed: Replayed, speaker: Speaker) -> list[Staypoint]:
    found = map(speaker.finding, _rows(replayed.found[replayed.found["side"] == PROGRESS]))
    return [finding for finding in found if isinstance(finding, Staypoint)]


class _Said(NamedTuple):
    """A finding in words, and the record of it."""

    finding: Finding
    row: Row


def _rows(found: npt.NDArray[Any]) -> Iterator[Row]:
    return map(Row._make, found.tolist())


def _last_word(rows: Iterable[Row], speaker: Speaker) -> dict[str, _Said]:
    """What holds after all of them, by identifier, in the order in which it became known."""
    last: dict[str, _Said] = {}
    for row in rows:
        finding = speaker.finding(row)
        last.pop(id_of(finding), None)
        if not row.is_gone:
            last[id_of(finding)] = _Said(finding, row)
    return last


def _tell_phone(rows: list[Row], speaker: Speaker, news: News) -> None:
    for row in rows:
        if row.side == NEWS:
            _tell(_Said(speaker.finding(row), row), news, is_correction=False)
    before = _last_word((row for row in rows if row.side == BEFORE), speaker)
    repaired = _last_word((row for row in rows if row.side == REPAIRED), speaker)
    again = [row for row in rows if row.side in {AGAIN, NOW}]
    now = _last_word(again, speaker)
    judged_again = {id_of(speaker.finding(row)) for row in again} if repaired else now.keys()
    for key, said in repaired.items():
        if key in judged_again:
            before.setdefault(key, said)
        elif key in before:
            now[key] = said
    _compare({key: said.finding for key, said in before.items()}, now, news)
    for row in rows:
        if row.side == PROGRESS:
            finding = speaker.finding(row)
            news.progress += [finding] if isinstance(finding, Staypoint) else []


def _compare(before: dict[str, Finding], now: dict[str, _Said], news: News) -> None:
    """Tell what is gone and what has changed."""
    for key, finding in before.items():
        if key not in now:
            _withdraw(finding, news)
    for key, said in now.items():
        told = before.get(key)
        if told is None or content_of(told) != content_of(said.finding):
            _tell(said, news, is_correction=said.row.side != NOW)
        elif told != said.finding or isinstance(told, Verdict | Passage):
            news.kept.append(said.finding)


def _tell(said: _Said, news: News, *, is_correction: bool) -> None:
    finding, row = said
    if isinstance(finding, Verdict | Passage):
        (news.dropped if row.is_gone else news.kept).append(finding)
    else:
        is_gone, knowable_at = bool(row.is_gone), instant_of(row.server_ms)
        news.events.append(event_of(finding, is_gone=is_gone, knowable_at=knowable_at, is_correction=is_correction))


def _withdraw(finding: Finding, news: News) -> None:
    if isinstance(finding, Verdict | Passage):
        news.dropped.append(finding)
    else:
        news.events.append(event_of(finding, is_gone=True, knowable_at=finding.judged_at, is_correction=True))


def content_of(finding: Finding) -> Finding:
    """The finding, whichever fix made it so, and however far it has come while it goes on."""
    if isinstance(finding, Staypoint) and finding.ended_at is None:
        finding = msgspec.structs.replace(
            finding, latitude_deg=0.0, longitude_deg=0.0, fix_count=0, last_fixed_at=_ANY_TIME
        )
    return msgspec.structs.replace(finding, judged_at=_ANY_TIME)


def id_of(finding: Finding) -> str:
    """Its identifier."""
    return str(getattr(finding, _FIELDS[type(finding)][1]))


def event_of(subject: Subject, *, is_gone: bool, knowable_at: Instant, is_correction: bool) -> Event:
    """The event that tells of a subject as it is, or that it is gone."""
    kind = _kind_of(subject, is_gone=is_gone)
    digest = crc32(msgspec.msgpack.encode(subject))
    named: dict[str, Any] = {_FIELDS[type(subject)][0]: subject}
    return Event(
        event_id=f"{id_of(subject)}:{kind}:{digest:08x}",
        kind=kind,
        device_id=subject.device_id,
        happened_at=_happened_at(subject),
        knowable_at=knowable_at,
        is_correction=is_correction,
        **named,
    )


def _kind_of(subject: Subject, *, is_gone: bool) -> EventKind:
    if is_gone:
        return _WITHDRAWN[type(subject)]
    if isinstance(subject, Staypoint):
        return EventKind.STAYPOINT_STARTED if subject.ended_at is None else EventKind.STAYPOINT_ENDED
    if isinstance(subject, GeofenceVisit):
        if subject.exited_at is not None:
            return EventKind.GEOFENCE_EXITED
        return EventKind.GEOFENCE_ENTERED if subject.dwelled_at is None else EventKind.GEOFENCE_DWELLED
    return _FOUND[type(subject)]


def _happened_at(subject: Subject) -> Instant:
    match subject:
        case Anomaly():
            return subject.happened_at
        case GeofenceVisit():
            return subject.exited_at or subject.dwelled_at or subject.entered_at
        case Staypoint() | Trip():
            return subject.ended_at or subject.started_at
        case _:
            return subject.started_at


def begins_at(finding: Finding) -> Instant:
    """When what it tells of began; what decides its day."""
    match finding:
        case Anomaly():
            return finding.happened_at
        case GeofenceVisit():
            return finding.entered_at
        case Verdict():
            return finding.fixed_at
        case Passage():
            return finding.window_started_at
        case _:
            return finding.started_at
