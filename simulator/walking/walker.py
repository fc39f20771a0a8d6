"""One person with a phone: the truth, and the reports with the moment each leaves the phone."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import msgspec

from simulator.delivery import Planned
from simulator.tracks import TrackPoint
from simulator.walking.day import plan_day
from simulator.walking.outing import Outing, plan_outing
from simulator.walking.path import degrees_of
from simulator.walking.phone import Habits, Reading, draw_habits, readings, send_times
from simulator.walking.phones import Phone, draw_phone
from simulator.walking.streets import Town
from simulator.walking.truth import TrueGap, TrueStop, TrueTrip, Truth

__all__ = ["CENTRE", "Walked", "spend_day", "walk"]

CENTRE = (47.3769, 8.5417)
"""Latitude and longitude around which people walk: Zurich, unless told otherwise."""


class Walked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one person's outing.

    Attributes:
        reports: in the order in which they leave the phone; `due_s` counts from the outing's start.
        truth: what really happened.
    """

    reports: tuple[Planned, ...]
    truth: Truth


def walk(
    seed: str,
    began_at: datetime,
    hours: float,
    *,
    centre: tuple[float, float] = CENTRE,
    town: Town | None = None,
    habits: Habits | None = None,
) -> Walked:
    """Let one person go out. The same arguments give the same outing, on every machine.

    Args:
        seed: of everything made up.
        began_at: when the outing starts (UTC, aware).
        hours: how long it lasts; half an hour at least, to hold a walk.
        centre: latitude and longitude of the town.
        town: its streets.
        habits: of the phone; made up when absent.
    """
    random = Random(seed)  # noqa: S311 - a model, not a secret
    outing = plan_outing(random, town or Town(), hours * 3600)
    return _carry(random, outing, habits or draw_habits(random, outing), began_at, centre)


def spend_day(
    seed: str, began_at: datetime, hours: float, phone: Phone, *, centre: tuple[float, float] = CENTRE
) -> Walked:
    """Let one person live through a day, in a larger town and with a phone of that kind.

    Args:
        seed: of everything made up.
        began_at: when the day starts (UTC, aware).
        hours: how long it lasts.
        phone: what kind of phone they carry.
        centre: latitude and longitude of the town.
    """
    random = Random(seed)  # noqa: S311 - a model, not a secret
    outing = plan_day(random, Town(), hours * 3600)
    return _carry(random, outing, draw_phone(random, outing, phone), began_at, centre)


def _carry(random: Random, outing: Outing, habits: Habits, began_at: datetime, centre: tuple[float, float]) -> Walked:
    sent = send_times(list(readings(random, outing, habits)), habits)
    return Walked(
        reports=tuple(
            Planned(due_s=leaves_s, point=_point(reading, began_at, habits, centre)) for leaves_s, reading in sent
        ),
        truth=_truth(outing, habits, began_at, centre),
    )


def _point(reading: Reading, began_at: datetime, habits: Habits, centre: tuple[float, float]) -> TrackPoint:
    latitude_deg, longitude_deg = degrees_of(centre, reading.east_m, reading.north_m)
    return TrackPoint(
        measured_at=began_at + timedelta(seconds=round(reading.at_s + habits.clock_error_s, 3)),
        latitude_deg=round(latitude_deg, 7),
        longitude_deg=round(longitude_deg, 7),
        altitude_m=410.0,
        speed_mps=reading.speed_mps,
        course_deg=reading.course_deg,
        accuracy_m=reading.accuracy_m,
        battery_pct=reading.battery_pct,
        is_moving=reading.is_moving,
        activity=reading.activity,
    )


def _truth(outing: Outing, habits: Habits, began_at: datetime, centre: tuple[float, float]) -> Truth:
    def at(seconds: float) -> datetime:
        return began_at + timedelta(seconds=seconds)

    stops = []
    for stay in outing.stays:
        latitude_deg, longitude_deg = degrees_of(centre, stay.east_m, stay.north_m)
        stops.append(
            TrueStop(
                began_at=at(stay.begin_s),
                ended_at=at(stay.end_s),
                latitude_deg=latitude_deg,
                longitude_deg=longitude_deg,
                is_indoors=stay.is_indoors,
            )
        )
    return Truth(
        stops=tuple(stops),
        trips=tuple(
            TrueTrip(began_at=at(one.begin_s), ended_at=at(one.end_s), distance_m=one.distance_m)
            for one in outing.walks
        ),
        gaps=tuple(TrueGap(began_at=at(begin), ended_at=at(end)) for begin, end in habits.sampling.killed),
        clock_error_s=habits.clock_error_s,
    )
