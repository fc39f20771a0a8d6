"""Weeks of a made-up person's life: visits and moves, minute by minute, with small and large variations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from itrack.mobility import Mode
from tests.support.lives.person import Path, Person, Place, along, length_m, path_between

__all__ = ["Episode", "Move", "Visit", "Weeks", "live"]

ZONE = ZoneInfo("Europe/Zurich")
FIRST_DAY = date(2026, 2, 2)
_PAUSE = timedelta(minutes=15)
_HOLIDAYS = {12, 33, 54}
"""Days that everybody takes for a Sunday."""


class Visit(msgspec.Struct, kw_only=True):
    """Being somewhere."""

    place: Place
    began_at: datetime
    ended_at: datetime | None = None


class Move(msgspec.Struct, kw_only=True):
    """Getting from one visit to the next."""

    path: Path
    mode: Mode
    began_at: datetime
    ended_at: datetime


class Episode(msgspec.Struct, kw_only=True):
    """What was odd, from when to when. One that `may` be told need not be."""

    kind: str
    began_at: datetime
    ended_at: datetime
    may: bool = False


class Weeks(msgspec.Struct, kw_only=True):
    """What happened."""

    visits: list[Visit]
    moves: list[Move]
    episodes: list[Episode]
    days: int


def live(person: Person, random: Random, days: int, oddities: dict[int, str] | None = None) -> Weeks:
    """So many days of their life, beginning with a Monday.

    Args:
        person: whose.
        random: decides all that is not a habit.
        days: how many.
        oddities: what odd thing happens on a day, if it can on that day; by number of the day, from 0.
    """
    teller = _Teller(person=person, random=random)
    away = _holiday(random, days)
    for number in range(days):
        if number in away:
            teller.day_away(number, is_first=number == away.start, is_last=number == away.stop - 1)
        else:
            teller.day(number, (oddities or {}).get(number))
    teller.visits[-1].ended_at = max(teller.now, teller.at(days, 3))
    episodes = [*teller.episodes, *_first_times(teller.visits)]
    return Weeks(visits=teller.visits, moves=teller.moves, episodes=episodes, days=days)


def _first_times(visits: list[Visit]) -> Iterator[Episode]:
    """Where somebody is for the first time is unusual, although it is one of their places; it may be told."""
    been: list[Place] = []
    for visit in visits:
        if visit.ended_at is not None and visit.ended_at - visit.began_at > _PAUSE:
            if all(math.dist(visit.place, place) > 100 for place in been):
                for kind in ("unusual_place", "stopped_long"):
                    yield Episode(kind=kind, began_at=visit.began_at, ended_at=visit.ended_at, may=True)
            been.append(visit.place)


def _holiday(random: Random, days: int) -> range:
    """One in eight is away for some days, one time."""
    if random.random() > 0.125:
        return range(0)
    first = random.randrange(10, max(11, days - 8))
    return range(first, first + random.randint(3, 7))


class _Teller(msgspec.Struct):
    """Tells a life from its first moment on; `now` is how far it has come."""

    person: Person
    random: Random
    now: datetime = datetime.combine(FIRST_DAY, datetime.min.time(), ZONE).astimezone(UTC)
    visits: list[Visit] = []
    moves: list[Move] = []
    episodes: list[Episode] = []
    odd: str | None = None
    refuge: Place = (0.0, 0.0)
    tried: set[tuple[Place, Place]] = set()

    def __post_init__(self) -> None:
        self.visits.append(Visit(place=self.person.home, began_at=self.now))

    def at(self, number: int, hour: float) -> datetime:
        """That hour of a day by the clock on the wall; hours beyond 24 are of the next day."""
        wall = datetime.combine(FIRST_DAY + timedelta(days=number), datetime.min.time()) + timedelta(hours=hour)
        return wall.replace(tzinfo=ZONE).astimezone(UTC)

    def day(self, number: int, oddity: str | None) -> None:
        """A day at home: of work, of leave, or a weekend's."""
        person, random = self.person, self.random
        weekday = number % 7
        self.odd = oddity
        if self.odd == "unusual_hour":
            self._go_out_at_night(number)
        is_free = weekday not in person.work_days or number in _HOLIDAYS or person.work is None
        kind = random.random()
        if kind < 0.02:
            self._be_ill(number)
        elif is_free or kind < 0.05:
            self._free_day(number, is_sunday=weekday == 6 or number in _HOLIDAYS)
        elif random.random() < person.home_office:
            self._work_at_home(number)
        else:
            self._work_day(number)
        self._evening(number, weekday)

    def day_away(self, number: int, *, is_first: bool, is_last: bool) -> None:
        """A day of a journey: everything is new, so all of it may be told."""
        random, began_at = self.random, self.at(number, 0)
        if is_first:
            angle = random.uniform(0, 2 * math.pi)
            far_m = random.uniform(60_000, 250_000)
            self.refuge = self.person.home[0] + far_m * math.cos(angle), self.person.home[1] + far_m * math.sin(angle)
            self._wait_until(self.at(number, random.uniform(8.5, 11)))
            self._move(self.refuge, Mode.MOTORISED)
        for hour in (10.5, 14.5, 18.5):
            if self.now < self.at(number, hour - 1) and not (is_last and hour > 12):
                self._wait_until(self.at(number, random.gauss(hour, 0.5)))
                self._move(_beside(self.refuge, random, 400, 2500), Mode.WALK)
                self._stay(random.uniform(0.4, 1.8))
                self._move(self.refuge, Mode.WALK)
        if is_last:
            self._wait_until(self.at(number, random.uniform(14.5, 16)))
            self._move(self.person.home, Mode.MOTORISED)
        for kind in ("unusual_place", "unusual_hour", "unusual_speed", "off_usual_way"):
            ended_at = self.at(number + 1, 0)
            self.episodes.append(Episode(kind=kind, began_at=began_at, ended_at=ended_at, may=True))

    # Days

    def _work_day(self, number: int) -> None:
        person, random = self.person, self.random
        assert person.work is not None
        self._wait_until(self.at(number, self._vague(person.gets_up_h + 0.9)))
        self._move(person.work)
        comes_at = self.now
        if random.random() < person.lunches_out:
            self._wait_until(self.at(number, self._vague(12.2, 0.6)))
            self._move(person.places[random.choices(["canteen", "bistro"], [3, 1])[0]])
            self._stay(random.uniform(0.45, 0.9))
            self._move(person.work)
        extra_h = random.uniform(1, 2.2) if random.random() < 0.1 else 0.0
        self._wait_until(comes_at + timedelta(hours=self._vague(person.works_h) + extra_h))
        if random.random() < 0.3:
            self._move(person.places["shop"])
            self._stay(random.uniform(0.2, 0.6))
        self._move(person.home)

    def _work_at_home(self, number: int) -> None:
        if self.random.random() < 0.5:
            self._wait_until(self.at(number, self._vague(12.3, 1.0)))
            self._round()

    def _be_ill(self, number: int) -> None:
        if self.random.random() < 0.3:
            self._wait_until(self.at(number, self.random.uniform(10, 16)))
            self._visit("shop", 0.2, 0.4)

    def _free_day(self, number: int, *, is_sunday: bool) -> None:
        person, random = self.person, self.random
        late_h = person.gets_up_h + random.uniform(1.2, 2.5)
        self._wait_until(self.at(number, self._vague(late_h)))
        if not is_sunday and random.random() < 0.7:
            self._visit("market" if random.random() < 0.4 else "shop", 0.4, 1.1)
            self._wait_until(self.now + timedelta(hours=random.uniform(0.5, 2)))
        if random.random() < 0.5:
            self._wait_until(self.at(number, self._vague(14.2, 1.6)))
            self._visit(random.choices(["park", "friend", "family"], [4, 2, 1.5])[0], 0.7, 3)

    def _evening(self, number: int, weekday: int) -> None:
        person, random = self.person, self.random
        self._oddly(number)
        self._wait_until(self.at(number, self._vague(18.6, 0.8)))
        if self.now > self.at(number, 20.5):
            return
        if weekday in person.gym_days and random.random() < 0.85:
            self._visit("gym", 0.9, 1.6)
        elif random.random() < person.shops:
            self._visit("shop", 0.2, 0.5)
        if self.now > self.at(number, 21.5):
            return
        if random.random() < person.strolls:
            self._wait_until(self.now + timedelta(hours=random.uniform(0.3, 1.2)))
            self._round()
        elif random.random() < person.visits:
            self._wait_until(self.now + timedelta(hours=random.uniform(0.2, 0.6)))
            long = (2, 4.2) if weekday in {4, 5} else (1, 2.5)
            self._visit("friend", *long)

    # What is odd

    def _go_out_at_night(self, number: int) -> None:
        """In the middle of the hours in which they never go anywhere: a round, or to work or a park for a while."""
        person, random = self.person, self.random
        hour = self._dead_hour()
        if hour is None or self.now > self.at(number, hour - 2):
            return
        self._wait_until(self.at(number, random.gauss(hour, 0.15)))
        began_at = self.now
        if random.random() < 0.5:
            self._round()
        else:
            to = person.work if person.work and random.random() < 0.5 else person.places["park"]
            self._move(to, pauses=False)
            self._stay(random.uniform(0.7, 1.2))
            self._move(person.home, pauses=False)
        self._note("unusual_hour", began_at)

    def _dead_hour(self) -> float | None:
        """The middle of the longest part of the night in which they are never under way; None when it is short."""
        nights = sorted(
            (local.hour + local.minute / 60 - 20) % 24
            for move in self.moves
            for local in (move.began_at.astimezone(ZONE), move.ended_at.astimezone(ZONE))
            if move.began_at < self.now - timedelta(days=1)
        )
        length_h, middle = max((after - before, (after + before) / 2) for before, after in pairwise([*nights, 14.0]))
        hour = (middle + 20) % 24
        return hour if length_h >= 6 and 1 <= hour <= 6 else None

    def _oddly(self, number: int) -> None:
        """The day's odd thing, where it can be done in the afternoon or evening, on a way from home and back."""
        doing = {
            "unusual_place": self._somewhere_new,
            "unusual_speed": self._hurry_or_dawdle,
            "off_usual_way": self._go_by_another_way,
            "wandering": self._wander,
            "stopped_long": self._stop_on_the_way,
        }.get(self.odd or "")
        if doing is None:
            return
        self._wait_until(self.at(number, self.random.uniform(17, 18.3)))
        if self.now <= self.at(number, 21) and doing():
            self._stay(self.random.uniform(0.3, 0.8))
            self._move(self.person.home, pauses=False)

    def _somewhere_new(self) -> bool:
        random, home = self.random, self.person.home
        known = [point for move in self.moves for point in move.path]
        spot = _beside(home, random, 2500, 9000)
        while any(math.dist(spot, each) < 1500 for each in known):
            spot = _beside(home, random, 2500, 9000)
        self._move(spot, pauses=False)
        began_at = self.now
        self._stay(random.uniform(0.5, 2.0))
        self._note("unusual_place", began_at)
        return True

    def _hurry_or_dawdle(self) -> bool:
        random, there = self.random, self._often()
        self._move(there, pauses=False)
        self._stay(random.uniform(0.3, 0.8))
        began_at = self.now
        rides = self._mode(there, self.person.home) is Mode.MOTORISED
        slower = 1 / (random.uniform(3, 4) if rides else random.uniform(1.9, 2.6))
        faster = random.uniform(2.6, 3.4) if rides else random.uniform(1.9, 2.6)
        self._move(self.person.home, pauses=False, hurry=random.choice([slower, faster]))
        self._note("unusual_speed", began_at)
        return False

    def _go_by_another_way(self) -> bool:
        home, there, began_at = self.person.home, self._often(), self.now
        if len(self._between(home, there)) < 32:
            return False  # no way there is usual
        self._move(there, pauses=False, path=self._detour(home, there))
        self._note("off_usual_way", began_at)
        return True

    def _wander(self) -> bool:
        shop, began_at = self.person.places["shop"], self.now
        self._move(shop, Mode.WALK, pauses=False, path=self._to_and_fro(self.person.home, shop))
        self._note("wandering", began_at)
        return True

    def _often(self) -> Place:
        """Somewhere that they often go to, not next door."""
        options = [self.person.places["shop"], self.person.places["market"], self.person.places["gym"]]
        if self.person.work is not None:
            return self.person.work
        return max(options[:2], key=lambda place: len(self._between(self.person.home, place)))

    def _between(self, one: Place, other: Place) -> list[Move]:
        return [move for move in self.moves if {move.path[0], move.path[-1]} == {one, other}]

    def _known(self) -> list[Place]:
        """Every corner of every way so far."""
        return [point for move in self.moves for point in move.path]

    def _detour(self, start: Place, end: Place) -> Path:
        """Around, by a point well off their usual ways."""
        far_m = max(900.0, 0.7 * math.dist(start, end))
        paths = [*self._paths(start, end), *(move.path for move in self._between(start, end))]
        known = [along(path, m) for path in paths for m in range(0, int(length_m(path)), 100)]
        while True:
            by = _beside(along([start, end], math.dist(start, end) / 2), self.random, 0.7 * far_m, 1.2 * far_m)
            if min(math.dist(by, each) for each in known) > 0.6 * far_m:
                return [start, by, end]

    def _paths(self, start: Place, end: Place) -> list[Path]:
        return [path_between(self.person, self.random, start, end, is_other=other) for other in (False, True)]

    def _to_and_fro(self, start: Place, end: Place) -> Path:
        """Some two to four kilometres about the middle of a way."""
        way = path_between(self.person, self.random, start, end, is_other=False)
        spot = along(way, length_m(way) / 2)
        path, walked_m = [start, spot], 0.0
        goal_m = self.random.uniform(2000, 4000)
        while walked_m < goal_m:
            path.append(_beside(spot, self.random, 60, 220))
            walked_m += math.dist(path[-2], path[-1])
        return [*path, end]

    def _stop_on_the_way(self) -> bool:
        """A long stop on the way, where no place of theirs is near and they have not stopped before."""
        home, to = self.person.home, self._often()
        way = path_between(self.person, self.random, home, to, is_other=False)
        mode, way_m = self._mode(home, to), length_m(way)
        places = [home, to, *self.person.places.values()]
        places += [visit.place for visit in self.visits if visit.ended_at and visit.ended_at - visit.began_at > _PAUSE]
        options = [share * way_m for share in (0.3, 0.4, 0.5, 0.6, 0.7)]
        fitting = [m for m in options if min(math.dist(along(way, m), place) for place in places) > 250]
        if not fitting:
            return False
        stops_m = self.random.choice(fitting)
        self._move(along(way, stops_m), mode, pauses=False, path=_part(way, 0, stops_m))
        began_at = self.now
        self._stay(self.random.uniform(1.6, 4.0))
        self._note("stopped_long", began_at)
        self._move(to, mode, pauses=False, path=_part(way, stops_m, way_m))
        return True

    def _note(self, kind: str, began_at: datetime) -> None:
        self.episodes.append(Episode(kind=kind, began_at=began_at, ended_at=self.now))

    # Steps

    def _visit(self, name: str, least_h: float, most_h: float) -> None:
        self._move(self.person.places[name])
        self._stay(self.random.uniform(least_h, most_h))
        self._move(self.person.home)

    def _round(self) -> None:
        path = self.random.choice(self.person.loops)
        self._move(self.person.home, Mode.WALK, path=path if self.random.random() < 0.7 else path[::-1])

    def _stay(self, hours: float) -> None:
        self._wait_until(self.now + timedelta(hours=hours))

    def _wait_until(self, at: datetime) -> None:
        """Until then, and for some minutes at least."""
        self.now = max(self.now, at, self.visits[-1].began_at + timedelta(minutes=self.random.uniform(6, 15)))

    def _move(
        self,
        to: Place,
        mode: Mode | None = None,
        *,
        path: Path | None = None,
        pauses: bool = True,
        hurry: float = 1.0,
    ) -> None:
        random, start = self.random, self.visits[-1].place
        mode = mode or self._mode(start, to)
        if path is None:
            is_other = random.random() < 0.1
            path = path_between(self.person, random, start, to, is_other=is_other)
            key = min(start, to), max(start, to)
            if is_other and key not in self.tried:
                self.tried.add(key)
                lasts = timedelta(hours=1)
                self.episodes.append(
                    Episode(kind="off_usual_way", began_at=self.now, ended_at=self.now + lasts, may=True)
                )
        metres = length_m(path)
        if pauses and mode is Mode.WALK and metres > 500 and random.random() < 0.08:
            part_m = random.uniform(0.3, 0.7) * metres
            self._go(_part(path, 0, part_m), mode, hurry)
            self._stay(random.uniform(0.1, 0.25))
            path = _part(path, part_m, metres)
        self._go(path, mode, hurry)

    def _go(self, path: Path, mode: Mode, hurry: float) -> None:
        random, metres = self.random, length_m(path)
        pace = self.person.speeds_mps[mode] * hurry
        if mode is Mode.MOTORISED:
            pace *= min(2.5, 0.6 + math.sqrt(metres / 1000) / 4)
            pace *= math.exp(random.gauss(0, 0.15)) * (random.uniform(0.6, 0.8) if random.random() < 0.05 else 1.0)
        else:
            pace *= math.exp(random.gauss(0, 0.07))
        self.visits[-1].ended_at = self.now
        began_at = self.now
        self.now += timedelta(seconds=max(60.0, metres / pace))
        self.moves.append(Move(path=path, mode=mode, began_at=began_at, ended_at=self.now))
        self.visits.append(Visit(place=path[-1], began_at=self.now))

    def _mode(self, start: Place, to: Place) -> Mode:
        key = min(start, to), max(start, to)
        if key not in self.person.mode_of:
            far_m = math.dist(start, to)
            likes_bicycle = self.random.random() < 0.4
            self.person.mode_of[key] = (
                Mode.WALK if far_m < 1600 else Mode.BICYCLE if far_m < 6000 and likes_bicycle else Mode.MOTORISED
            )
        return self.person.mode_of[key]

    def _vague(self, hour: float, more: float = 1.0) -> float:
        return self.random.gauss(hour, self.person.vagueness_h * more)


def _part(path: Path, from_m: float, to_m: float) -> Path:
    """A path from one length of it to another."""
    steps = range(int(from_m) + 40, int(to_m), 40)
    return [along(path, from_m), *(along(path, m) for m in steps), along(path, to_m)]


def _beside(place: Place, random: Random, least_m: float, most_m: float) -> Place:
    angle, metres = random.uniform(0, 2 * math.pi), random.uniform(least_m, most_m)
    return place[0] + metres * math.cos(angle), place[1] + metres * math.sin(angle)
