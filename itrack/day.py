"""A day: from one midnight to the next in one time zone. Defined here and nowhere else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from itrack.errors import FixConfiguration

__all__ = ["Day", "find_zone"]


def find_zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name, such as `Europe/Berlin`.

    Raises:
        FixConfiguration: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FixConfiguration(
            f"{name!r} is no time zone. Use an IANA name such as Europe/Berlin, America/New_York or UTC."
        ) from error


class Day(msgspec.Struct, frozen=True, order=True):
    """One calendar day as people in `zone` live it: `[starts_at, ends_at)`, 23 or 25 hours when clocks change.

    Attributes:
        date: the calendar date.
        zone: IANA name of the time zone.
    """

    date: date
    zone: str = "UTC"

    @classmethod
    def of(cls, at: datetime, zone: str = "UTC") -> Day:
        """The day that an aware moment belongs to.

        Raises:
            FixConfiguration: no such zone.
        """
        try:
            return cls(at.astimezone(find_zone(zone)).date(), zone)
        except OverflowError:
            return cls(at.astimezone(UTC).date(), zone)

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Day:
        """The day written as `YYYY-MM-DD`.

        Raises:
            FixConfiguration: not a date, or no such zone.
        """
        find_zone(zone)
        try:
            return cls(date.fromisoformat(text), zone)
        except ValueError as error:
            raise FixConfiguration(f"{text!r} is no day. Write it as YYYY-MM-DD, such as 2026-03-29.") from error

    @property
    def starts_at(self) -> datetime:
        """Its first moment, UTC."""
        return _midnight(self.date, find_zone(self.zone))

    @property
    def ends_at(self) -> datetime:
        """The first moment that is no longer part of it, UTC."""
        if self.date == date.max:
            return datetime.max.replace(tzinfo=UTC)
        return _midnight(self.date + timedelta(days=1), find_zone(self.zone))

    @property
    def hours(self) -> float:
        """How long it is: 24, or 23 and 25 when clocks change."""
        return (self.ends_at - self.starts_at) / timedelta(hours=1)

    def __str__(self) -> str:
        return self.date.isoformat()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of `day`. Where clocks jump over midnight, `fold=0` names the moment of the jump."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    try:
        return midnight.astimezone(UTC)
    except OverflowError:
        return midnight.replace(tzinfo=UTC)
