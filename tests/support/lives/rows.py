"""Weeks of a life as the rows that the analytics would find: places and times a little wrong, some of it unseen."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import h3

from itrack.habits.life import Life, Way
from itrack.mobility import Gap, Mode, Staypoint, Trip, Tripleg, computed_id
from itrack.trajectory.point import milliseconds_of
from tests.support.lives.person import Path, Place, along, length_m
from tests.support.lives.weeks import ZONE, Move, Visit, Weeks

__all__ = ["degrees", "life_of", "rows_of"]

Row = Staypoint | Trip | Tripleg | Gap

_LATITUDE_DEG, _LONGITUDE_DEG = 47.37, 8.54
_METRES_PER_DEGREE = math.radians(1) * 6_371_008.8
_DWELL = timedelta(minutes=5)
_RULES = "made-up"


def degrees(place: Place) -> tuple[float, float]:
    """Latitude and longitude of a place on the plane."""
    north = _LATITUDE_DEG + place[1] / _METRES_PER_DEGREE
    return north, _LONGITUDE_DEG + place[0] / (_METRES_PER_DEGREE * math.cos(math.radians(_LATITUDE_DEG)))


def life_of(device_id: str, weeks: Weeks, random: Random) -> Life:
    """The rows as a life."""
    rows, ways = rows_of(device_id, weeks, random)
    return Life(
        device_id,
        ZONE,
        stays=[row for row in rows if isinstance(row, Staypoint)],
        trips=[row for row in rows if isinstance(row, Trip)],
        legs=[row for row in rows if isinstance(row, Tripleg)],
        ways=ways,
    )


def rows_of(device_id: str, weeks: Weeks, random: Random) -> tuple[list[Row], dict[str, Way]]:
    """Stays, trips, their parts and gaps, and the cells of each way."""
    return _Rows(device_id, weeks, random).all()


class _Rows:
    def __init__(self, device_id: str, weeks: Weeks, random: Random) -> None:
        self.device_id = device_id
        self.random = random
        self.rows: list[Row] = []
        self.ways: dict[str, Way] = {}
        self.visits, self.ways_taken = _stays_and_ways(weeks)
        self.off = _off_times(random, weeks)

    def all(self) -> tuple[list[Row], dict[str, Way]]:
        stays = [self._stay(visit) for visit in self.visits]
        for stay, after, moves in zip(stays, stays[1:], self.ways_taken, strict=False):
            self._trip(stay, after, moves)
        self.rows += [stay for stay in stays if stay is not None]
        return self.rows, self.ways

    def _stay(self, visit: Visit) -> Staypoint | None:
        began_at, ended_at = visit.began_at, visit.ended_at
        for off_at, on_at in self.off:
            if off_at <= began_at < on_at:
                began_at = on_at
            elif began_at < off_at and (ended_at is None or off_at < ended_at):
                ended_at = off_at if ended_at is None or ended_at < on_at else ended_at
        if ended_at is not None and ended_at - began_at < _DWELL:
            return None
        vague_m = 12.0 if self.random.random() < 0.97 else 35.0
        place = visit.place[0] + self.random.gauss(0, vague_m), visit.place[1] + self.random.gauss(0, vague_m)
        latitude_deg, longitude_deg = degrees(place)
        lasts_s = ((ended_at or began_at) - began_at).total_seconds()
        return Staypoint(
            staypoint_id=computed_id(self.device_id, "stay", milliseconds_of(began_at)),
            device_id=self.device_id,
            started_at=began_at,
            ended_at=ended_at,
            last_fixed_at=ended_at or began_at,
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
            fix_count=10 + int(lasts_s / 600),
            judged_at=(ended_at or began_at) + timedelta(minutes=1),
            rules=_RULES,
        )

    def _trip(self, stay: Staypoint | None, after: Staypoint | None, moves: list[Move]) -> None:
        began_at, ended_at = moves[0].began_at, moves[-1].ended_at
        if any(off_at < ended_at and began_at < on_at for off_at, on_at in self.off):
            return
        trip_id = computed_id(self.device_id, "trip", milliseconds_of(began_at))
        metres = sum(length_m(move.path) for move in moves) * self.random.gauss(1, 0.02)
        judged_at = ended_at + _DWELL
        self.rows.append(
            Trip(
                trip_id=trip_id,
                device_id=self.device_id,
                started_at=began_at,
                ended_at=ended_at,
                from_staypoint_id=stay.staypoint_id if stay else None,
                to_staypoint_id=after.staypoint_id if after else None,
                distance_m=metres,
                fix_count=int((ended_at - began_at).total_seconds() / 15),
                judged_at=judged_at,
                rules=_RULES,
            )
        )
        for move in moves:
            self.rows.append(
                Tripleg(
                    tripleg_id=computed_id(self.device_id, "leg", milliseconds_of(move.began_at)),
                    device_id=self.device_id,
                    trip_id=trip_id,
                    started_at=move.began_at,
                    ended_at=move.ended_at,
                    mode=self._seen_mode(move),
                    confidence=0.9,
                    distance_m=metres * length_m(move.path) / max(1.0, sum(length_m(each.path) for each in moves)),
                    fix_count=int((move.ended_at - move.began_at).total_seconds() / 15),
                    judged_at=judged_at,
                    rules=_RULES,
                )
            )
        self.ways[trip_id] = Way(
            trip_id=trip_id,
            device_id=self.device_id,
            started_at=began_at,
            from_cell=None,
            to_cell=None,
            **self._cells(move.path for move in moves),
        )

    def _seen_mode(self, move: Move) -> Mode:
        """Modes are mistaken now and then; a bicycle for a slow car, or the other way round, by its speed."""
        kind = self.random.random()
        mps = length_m(move.path) / (move.ended_at - move.began_at).total_seconds()
        if kind < 0.02:
            return Mode.UNKNOWN
        if kind < 0.1 and move.mode is not Mode.WALK and 3.5 < mps < 6:
            return Mode.BICYCLE if move.mode is Mode.MOTORISED else Mode.MOTORISED
        return move.mode

    def _cells(self, paths: Iterable[Path]) -> dict[str, Any]:
        cells: list[str] = []
        passages: list[int] = []
        east_m = north_m = 0.0
        for path in paths:
            for metres in range(0, int(length_m(path)), 45):
                east_m = 0.9 * east_m + self.random.gauss(0, 3.5)
                north_m = 0.9 * north_m + self.random.gauss(0, 3.5)
                if self.random.random() < 0.15:
                    continue
                at = along(path, metres)
                cell = h3.latlng_to_cell(*degrees((at[0] + east_m, at[1] + north_m)), 9)
                if cells and cells[-1] == cell:
                    passages[-1] += 1
                else:
                    cells.append(cell)
                    passages.append(1)
        return {"cells": tuple(cells), "passages": tuple(passages)}


def _stays_and_ways(weeks: Weeks) -> tuple[list[Visit], list[list[Move]]]:
    """Visits that are long enough to be stays, and the moves between them."""
    visits, ways, moves = [weeks.visits[0]], [], []
    for move, visit in zip(weeks.moves, weeks.visits[1:], strict=True):
        moves.append(move)
        if visit.ended_at is None or visit.ended_at - visit.began_at >= _DWELL:
            visits.append(visit)
            ways.append(moves)
            moves = []
    return visits, ways


def _off_times(random: Random, weeks: Weeks) -> list[tuple[datetime, datetime]]:
    """When the phone was off, not while something odd went on."""
    first_at = weeks.visits[0].began_at
    off = []
    for day in range(weeks.days):
        if random.random() < 0.04:
            off_at = first_at + timedelta(days=day, hours=random.uniform(6, 22))
            on_at = off_at + timedelta(hours=random.uniform(0.7, 6))
            if not any(each.began_at < on_at and off_at < each.ended_at for each in weeks.episodes):
                off.append((off_at, on_at))
    return off
