"""`itrack replay-day`: one phone's day judged anew from MongoDB, beside what is stored, and repaired if wished."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import typer

from itrack.day import Day, find_zone
from itrack.errors import FixConfiguration
from itrack.forgotten import forgotten_before
from itrack.mobility import Anomaly, Gap, GeofenceVisit, Staypoint, Trip, Tripleg
from itrack.mongo import open_database
from itrack.mongo_errors import asking_mongodb
from itrack.report_file import require_writable, write_report
from itrack.settings import Settings, load_settings
from itrack.trajectory.fleet import AskRepair
from itrack.trajectory.news import begins_at, content_of, findings_of, id_of
from itrack.trajectory.point import milliseconds_of
from itrack.trajectory.words import Finding
from streaming.outlet import Outlet
from streaming.partitioning import shard_numbers
from streaming.past import findings_since, judge_anew
from streaming.plan import ShardPlan
from streaming.repairs import ensure_repair_topic, repair_topic

__all__ = ["ReplayedDay", "ask_for_repair", "command", "replay_day"]


class ReplayedDay(msgspec.Struct, frozen=True, kw_only=True):
    """One phone's day, judged anew.

    Attributes:
        fixes: how many were read, from the nearest place to start from on.
        found: how many findings of each kind the day has.
        missing, surplus: identifiers of findings that are not stored, and that are and should not be.
        different: identifiers of those that are stored otherwise.
        lines: the day in sentences.
        is_forgotten: fixes of that time may have been deleted, with what they told.
    """

    device_id: str
    day: str
    zone: str
    fixes: int
    found: dict[str, int]
    missing: list[str]
    surplus: list[str]
    different: list[str]
    lines: list[str]
    is_forgotten: bool

    @property
    def is_as_stored(self) -> bool:
        """MongoDB has what the fixes tell."""
        return not (self.missing or self.surplus or self.different)


def replay_day(settings: Settings, device_id: str, day: Day) -> ReplayedDay:
    """Judge the phone's fixes anew from the day's beginning on, and compare.

    Raises:
        TryAgain: MongoDB is away.
    """
    plan = ShardPlan.of(settings)
    database = open_database(settings, part="replay-day")
    try:
        with asking_mongodb("read a phone's day"):
            now_ms = milliseconds_of(datetime.now(UTC))
            rules = plan.rules_of(device_id)
            anew = judge_anew(database, device_id, rules, since_at=day.starts_at, silent_until_ms=now_ms)
            before = {id_of(each): each for each in findings_since(database, device_id, anew.since_at)}
        forgotten_at = forgotten_before(database)
    finally:
        database.client.close()
    found = findings_of(anew.replayed, plan.speaker(device_id))
    today = {key: each for key, each in found.items() if day.starts_at <= begins_at(each) < day.ends_at}
    stored = {key: each for key, each in before.items() if day.starts_at <= begins_at(each) < day.ends_at}
    return ReplayedDay(
        device_id=device_id,
        day=str(day),
        zone=day.zone,
        fixes=len(anew.fixes),
        found=dict(Counter(type(each).__name__.lower() for each in today.values())),
        missing=sorted(today.keys() - stored.keys()),
        surplus=sorted(stored.keys() - today.keys()),
        different=sorted(
            key for key in today.keys() & stored.keys() if content_of(today[key]) != content_of(stored[key])
        ),
        lines=[line for each in sorted(today.values(), key=begins_at) if (line := _line(each, day)) is not None],
        is_forgotten=forgotten_at is not None and day.starts_at < forgotten_at,
    )


def ask_for_repair(settings: Settings, device_id: str, day: Day) -> None:
    """Have the analytics judge the phone's past anew from the day's beginning on, when they next run.

    Raises:
        TryAgain: Kafka is away.
    """
    ensure_repair_topic(settings)
    wish = msgspec.json.encode(AskRepair(device_id=device_id, since_ms=milliseconds_of(day.starts_at)))
    database = open_database(settings, part="replay-day")
    try:
        outlet = Outlet(settings, database, "itrack-replay-day", threading.Event())
        shards = shard_numbers(settings.analytics_shards)
        outlet.publish(repair_topic(settings), [(str(shard).encode(), wish) for shard in shards])
    finally:
        database.client.close()


def command(device_id: str, day: str, zone: str | None, *, repair: bool, json: Path | None) -> None:
    """Print the day, and what is stored otherwise."""
    if json is not None:
        require_writable(json)
    settings = load_settings()
    wanted = Day.parse(day, zone or settings.export_zone)
    replayed = replay_day(settings, device_id, wanted)
    typer.echo(f"{device_id} on {wanted} ({wanted.zone}): {replayed.fixes} fixes judged anew")
    for line in replayed.lines:
        typer.echo(f"  {line}")
    if replayed.is_as_stored:
        typer.echo("MongoDB has just this.")
    else:
        typer.echo(
            f"MongoDB lacks {len(replayed.missing)}, has {len(replayed.surplus)} beside them, and "
            f"{len(replayed.different)} otherwise. The analytics may be under way; with --repair they judge it anew."
        )
    if replayed.is_forgotten:
        typer.echo(
            "Fixes of that time may have been deleted (ITRACK_RETENTION_DAYS): what differs may be what they told."
        )
    if json is not None:
        write_report(json, replayed)
    if repair and replayed.is_forgotten:
        raise FixConfiguration("A repair would take away what deleted fixes told: nothing was asked for.")
    if repair:
        ask_for_repair(settings, device_id, wanted)
        typer.echo("The analytics were asked to judge this phone anew from the day's beginning on.")


def _line(finding: Finding, day: Day) -> str | None:
    """A line of the day's story, in the day's own time; None for what is not part of it."""
    zone = find_zone(day.zone)

    def span(start: datetime, end: datetime | None) -> str:
        return f"{start.astimezone(zone):%H:%M} to {'now' if end is None else f'{end.astimezone(zone):%H:%M}'}"

    line = None
    match finding:
        case Staypoint():
            line = f"{span(finding.started_at, finding.ended_at)}  stop, {finding.fix_count} fixes"
        case Trip():
            line = f"{span(finding.started_at, finding.ended_at)}  trip of {finding.distance_m:.0f} m"
        case Tripleg():
            line = f"{span(finding.started_at, finding.ended_at)}    by {finding.mode}, {finding.distance_m:.0f} m"
        case Gap():
            line = f"{span(finding.started_at, finding.ended_at)}  gap, {finding.beeline_m:.0f} m as the crow flies"
        case GeofenceVisit():
            line = f"{span(finding.entered_at, finding.exited_at)}  inside geofence {finding.fence_id}"
        case Anomaly():
            line = f"{finding.happened_at.astimezone(zone):%H:%M}  {finding.severity}: {finding.sentence}"
    return line
