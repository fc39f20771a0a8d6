"""One finding's record of numbers, put into words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import h3

from itrack.mobility import (
    Anomaly,
    Gap,
    GeofenceVisit,
    Passage,
    Severity,
    Staypoint,
    Trip,
    Tripleg,
    Verdict,
    computed_id,
)
from itrack.trajectory.anomalies import AnomalyKind
from itrack.trajectory.found import NO_MS, Found
from itrack.trajectory.point import fix_id_of, instant_of
from itrack.trajectory.quality import Flag
from itrack.trajectory.rules import Rules

__all__ = ["Finding", "Row", "Speaker"]

Finding = Staypoint | Trip | Tripleg | Gap | GeofenceVisit | Anomaly | Verdict | Passage


class Row(NamedTuple):
    """A `FOUND` record as a tuple with the same names; reading one of its fields takes a tenth of the time."""

    kind: int
    is_gone: bool
    side: int
    what: int
    fixes: int
    phone: int
    at_ms: int
    end_ms: int
    from_ms: int
    to_ms: int
    judged_ms: int
    server_ms: int
    fix_no: int
    latitude_deg: float
    longitude_deg: float
    metres: float
    number: float


class Speaker:
    """Puts the findings of one phone into words.

    Args:
        device_id: whose they are.
        rules: what they were found by.
        resolution: H3 resolution of the cells of passages.
    """

    def __init__(self, device_id: str, rules: Rules, resolution: int) -> None:
        self._device_id = device_id
        self._rules = rules
        self._name = rules.name
        self._resolution = resolution

    def finding(self, row: Row) -> Finding:
        """What the record stands for."""
        return _SAY[row.kind](self, row)

    def _staypoint(self, row: Row) -> Staypoint:
        return Staypoint(
            staypoint_id=self._id("stay", row.at_ms),
            device_id=self._device_id,
            started_at=instant_of(row.at_ms),
            ended_at=None if row.end_ms == NO_MS else instant_of(row.end_ms),
            last_fixed_at=instant_of(row.at_ms if row.is_gone else row.to_ms),
            latitude_deg=row.latitude_deg,
            longitude_deg=row.longitude_deg,
            fix_count=row.fixes,
            judged_at=instant_of(row.judged_ms),
            rules=self._name,
        )

    def _trip(self, row: Row) -> Trip:
        return Trip(
            trip_id=self._id("trip", row.at_ms),
            device_id=self._device_id,
            started_at=instant_of(row.at_ms),
            ended_at=instant_of(row.end_ms) if row.end_ms != NO_MS else instant_of(row.at_ms),
            from_staypoint_id=None if row.from_ms == NO_MS else self._id("stay", row.from_ms),
            to_staypoint_id=None if row.to_ms == NO_MS else self._id("stay", row.to_ms),
            distance_m=round(row.metres, 1),
            fix_count=row.fixes,
            judged_at=instant_of(row.judged_ms),
            rules=self._name,
        )

    def _gap(self, row: Row) -> Gap:
        return Gap(
            gap_id=self._id("gap", row.at_ms),
            device_id=self._device_id,
            started_at=instant_of(row.at_ms),
            ended_at=instant_of(row.end_ms),
            beeline_m=round(row.metres, 1),
            judged_at=instant_of(row.judged_ms),
            rules=self._name,
        )

    def _anomaly(self, row: Row) -> Anomaly:
        kind = AnomalyKind(row.what)
        severity, sentence = self._alarm(kind, row)
        return Anomaly(
            anomaly_id=self._id(str(kind), row.at_ms),
            device_id=self._device_id,
            kind=str(kind),
            severity=severity,
            happened_at=instant_of(row.at_ms),
            sentence=sentence,
            fix_id=None if row.fix_no < 0 else fix_id_of(self._device_id, row.fix_no),
            judged_at=instant_of(row.judged_ms),
            rules=self._name,
        )

    def _alarm(self, kind: AnomalyKind, row: Row) -> tuple[Severity, str]:
        if kind is AnomalyKind.WRONG_CLOCK:
            return Severity.LOW, f"{_clock(row.from_ms, row.at_ms)} Fixes with such times are kept and not used."
        ending = "and went on from there" if row.number else "and was back at once; that fix is kept and not used"
        speed_kmh = self._rules.speed_max_mps * 3.6
        return Severity.MEDIUM, f"The phone moved faster than {speed_kmh:.0f} km/h {ending}."

    def _verdict(self, row: Row) -> Verdict:
        flag = Flag(row.what)
        return Verdict(
            fix_id=fix_id_of(self._device_id, row.fix_no),
            device_id=self._device_id,
            fixed_at=instant_of(row.from_ms),
            flag=str(flag),
            reason=self._reason(flag, row),
            judged_at=instant_of(row.judged_ms),
            rules=self._name,
        )

    def _reason(self, flag: Flag, row: Row) -> str:
        if flag is Flag.WRONG_CLOCK:
            return _clock(row.from_ms, row.at_ms)
        if flag is Flag.POOR_ACCURACY:
            return f"The phone claims an error of {row.number:.0f} m; {self._rules.accuracy_max_m:g} m is usable."
        if flag is Flag.IMPOSSIBLE_JUMP:
            return f"Faster than {self._rules.speed_max_mps:g} m/s there and back."
        return _REASONS[flag]

    def _passage(self, row: Row) -> Passage:
        window_ms = round(self._rules.window_s * 1000)
        cell = h3.latlng_to_cell(row.latitude_deg, row.longitude_deg, self._resolution)
        window_ms = row.at_ms - row.at_ms % window_ms
        return Passage(
            passage_id=self._id("pass", row.at_ms),
            device_id=self._device_id,
            cell=cell,
            window_started_at=instant_of(window_ms),
            judged_at=instant_of(row.judged_ms),
        )

    def _id(self, kind: str, at_ms: int) -> str:
        return computed_id(self._device_id, kind, at_ms)


_REASONS = {
    Flag.OUT_OF_RANGE: "Latitude or longitude is not on Earth.",
    Flag.NULL_ISLAND: "The place is 0, 0, which stands for an unknown place.",
    Flag.DUPLICATE: "The same place and time came before under another number.",
    Flag.REPEATED_PLACE: "The phone repeated its last place.",
    Flag.SAME_INSTANT: "Another place has the same time.",
}


def _clock(fixed_ms: int, server_ms: int) -> str:
    ahead_s = (fixed_ms - server_ms) / 1000
    if ahead_s > 0:
        return f"The phone's clock was {ahead_s:.0f} s ahead of the server's."
    return f"The phone's clock said {instant_of(fixed_ms):%Y-%m-%d}, before phones knew their place."


_SAY: dict[int, Callable[[Speaker, Row], Finding]] = {
    Found.STAY: Speaker._staypoint,  # noqa: SLF001 - this module's own
    Found.TRIP: Speaker._trip,  # noqa: SLF001
    Found.GAP: Speaker._gap,  # noqa: SLF001
    Found.ANOMALY: Speaker._anomaly,  # noqa: SLF001
    Found.VERDICT: Speaker._verdict,  # noqa: SLF001
    Found.PASSAGE: Speaker._passage,  # noqa: SLF001
}
