"""Tiny tracks: who walks where, in metres and seconds from a starting point."""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from itrack.fix import Fix
from itrack.mobility import Event, Staypoint, Verdict
from itrack.trajectory.fleet import Fleet, Judged, Repair
from itrack.trajectory.news import news_of
from itrack.trajectory.rules import Rules
from itrack.trajectory.words import Speaker

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DEVICE = "main:7"
_METRES_PER_DEGREE = math.radians(1) * 6_371_008.8


def fix(
    second: float,
    north_m: float = 0.0,
    east_m: float = 0.0,
    *,
    number: int | None = None,
    server_second: float | None = None,
    accuracy_m: float | None = None,
) -> Fix:
    """A fix so many seconds after noon, so many metres north and east of 47 N 8 E."""
    at = NOON + timedelta(seconds=second)
    return Fix(
        fix_id=f"main:{int(second * 1000) if number is None else number}",
        device_id=DEVICE,
        fixed_at=at,
        device_at=at,
        server_at=at if server_second is None else NOON + timedelta(seconds=server_second),
        latitude_deg=47 + north_m / _METRES_PER_DEGREE,
        longitude_deg=8 + east_m / (_METRES_PER_DEGREE * math.cos(math.radians(47))),
        accuracy_m=accuracy_m,
    )


def walk(from_second: float, to_second: float, from_m: float, to_m: float, every_s: float = 5) -> list[Fix]:
    """Fixes on the way north from one place to another at constant speed, both ends included."""
    count = round((to_second - from_second) / every_s)
    return [
        fix(from_second + index * every_s, from_m + (to_m - from_m) * index / max(1, count))
        for index in range(count + 1)
    ]


class Phone:
    """One phone of a fleet of one: fixes and silence in, events out.

    Attributes:
        verdicts: of the fixes that are set aside, by identifier.
        repairs: that were asked for.
        staypoint: the stay that goes on, as far as it has come.
    """

    def __init__(self, device_id: str = DEVICE, rules: Rules | None = None, snapshot: bytes | None = None) -> None:
        self.rules = rules or Rules()
        self.fleet = Fleet(self.rules, snapshot)
        self.verdicts: dict[str, Verdict] = {}
        self.repairs: list[Repair] = []
        self.staypoint: Staypoint | None = None
        self._speaker = Speaker(device_id, self.rules, 9)

    def on_fixes(self, *fixes: Fix) -> list[Event]:
        """Fixes in any order, at once."""
        return self._heard(self.fleet.on_fixes(fixes))

    def on_time(self, now: datetime) -> list[Event]:
        """Silence until then."""
        return self._heard(self.fleet.on_time(now))

    def flags(self) -> Counter[str]:
        """How many fixes are set aside, by reason."""
        return Counter(verdict.flag for verdict in self.verdicts.values())

    def _heard(self, judged: Judged) -> list[Event]:
        news = news_of(judged, lambda _device_id: self._speaker)
        self.repairs += judged.repairs
        for verdict in news.kept:
            if isinstance(verdict, Verdict):
                self.verdicts[verdict.fix_id] = verdict
        for verdict in news.dropped:
            if isinstance(verdict, Verdict):
                del self.verdicts[verdict.fix_id]
        for event in news.events:
            if event.staypoint is not None:
                self.staypoint = None
        for staypoint in news.progress:
            self.staypoint = staypoint
        return news.events


def run(fixes: Iterable[Fix], rules: Rules | None = None) -> list[Event]:
    """Every event of one phone's fixes, given one by one."""
    phone = Phone(rules=rules)
    return [event for one in fixes for event in phone.on_fixes(one)]


def real_fixes(path: Path, *, arrive_at: datetime | None = None) -> Iterator[Fix]:
    """The recorded tracks as Traccar would pass them on; `accuracy_m` 0 means unknown there.

    They arrive 100 ms apart from `arrive_at` on, or each at the time it was measured (1901 clocks: in 2010).
    """
    with gzip.open(path, "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            at = datetime.fromisoformat(row["time_utc"])
            on_time = at if at.year > 2000 else datetime(2010, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)
            yield Fix(
                fix_id=f"main:{number}",
                device_id=f"main:{row['user_id']}",
                fixed_at=at,
                device_at=at,
                server_at=on_time if arrive_at is None else arrive_at + timedelta(milliseconds=100 * number),
                latitude_deg=float(row["lat"]),
                longitude_deg=float(row["lon"]),
                accuracy_m=float(row["accuracy_m"]) if row["accuracy_m"] not in {"", "0.0"} else None,
            )
