"""How well found stops agree with true ones: one-to-one, by the share of time they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec
import numpy as np

from itrack.trajectory.found import NO_MS

__all__ = ["Scores", "Span", "score_stops", "spans_of"]

Span = tuple[float, float]
"""Begin and end in seconds of any one clock."""

_LEAST_IOU = 0.5


class Scores(msgspec.Struct, kw_only=True):
    """Counts over any number of diaries; they add up.

    Attributes:
        found, true, matched: stops; matched ones have half of their joint time or more in common, one to one.
        missed: true stops that no found one touches.
        fragmented: true stops in which two found ones or more lie mostly.
        merged: found stops in which two true ones or more lie mostly.
        start_errors_s, end_errors_s: of matched stops, found minus true.
        fixes: of all diaries; `still` and `told_still` of them fall into a true or a found stop, `both` into both.
    """

    found: int = 0
    true: int = 0
    matched: int = 0
    missed: int = 0
    fragmented: int = 0
    merged: int = 0
    start_errors_s: list[float] = []
    end_errors_s: list[float] = []
    fixes: int = 0
    still: int = 0
    told_still: int = 0
    both: int = 0

    def __add__(self, other: Scores) -> Scores:
        """Both together."""
        names = self.__struct_fields__
        return Scores(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def precision(self) -> float:
        """Share of found stops that are true."""
        return self.matched / max(1, self.found)

    @property
    def recall(self) -> float:
        """Share of true stops that are found."""
        return self.matched / max(1, self.true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.matched / max(1, self.found + self.true)

    @property
    def fix_f1(self) -> float:
        """The same for single fixes, `still` being what is looked for."""
        return 2 * self.both / max(1, self.still + self.told_still)

    @property
    def fix_accuracy(self) -> float:
        """Share of fixes that are rightly told still or moving."""
        return 1 - (self.still + self.told_still - 2 * self.both) / max(1, self.fixes)

    @property
    def start_error_s(self) -> float:
        """Median size of the error of starts."""
        return median(map(abs, self.start_errors_s)) if self.start_errors_s else 0.0

    @property
    def end_error_s(self) -> float:
        """Median size of the error of ends."""
        return median(map(abs, self.end_errors_s)) if self.end_errors_s else 0.0

    def line(self) -> str:
        """The figures in one line."""
        return (
            f"F1 {self.f1:.3f} (P {self.precision:.3f} R {self.recall:.3f}, {self.true} true) "
            f"start {self.start_error_s:3.0f} s end {self.end_error_s:3.0f} s | fixes F1 {self.fix_f1:.3f} "
            f"accuracy {self.fix_accuracy:.3f} | missed {self.missed} fragmented {self.fragmented} merged {self.merged}"
        )


def score_stops(
    found: Sequence[Span], true: Sequence[Span], fix_times: Sequence[float] | np.ndarray, unseen: Sequence[Span] = ()
) -> Scores:
    """Hold the found stops of one diary against the true ones.

    Args:
        found: in order of time, not overlapping.
        true: likewise.
        fix_times: when the fixes were measured.
        unseen: spans in which the phone was off: a true stop that they touch is not asked for, and neither it nor a
            found stop that lies mostly in them is wrong.
    """
    hidden = [one for one in true if _share_in(one, unseen) > 0]
    forgiven = {one for one, _ in _match(found, hidden)}
    found = [one for one in found if one not in forgiven and _share_in(one, unseen) <= 0.5]
    true = [one for one in true if one not in hidden]
    pairs = _match(found, true)
    times = np.asarray(fix_times, dtype=float)
    still, told = _inside(times, true), _inside(times, found)
    first, last = (true[0][0], true[-1][1]) if true else (0.0, 0.0)
    return Scores(
        found=len(found),
        true=len(true),
        matched=len(pairs),
        missed=sum(1 for one in true if not any(_common(one, other) > 0 for other in found)),
        fragmented=sum(1 for one in true if _mostly_in(found, one) > 1),
        merged=sum(1 for one in found if _mostly_in(true, one) > 1),
        start_errors_s=[one[0] - other[0] for one, other in pairs if other[0] != first],
        end_errors_s=[one[1] - other[1] for one, other in pairs if other[1] != last],
        fixes=len(times),
        still=int(still.sum()),
        told_still=int(told.sum()),
        both=int((still & told).sum()),
    )


def spans_of(stays: np.ndarray, until_s: float) -> list[Span]:
    """Begin and end of STAY records; one that goes on is taken to end at `until_s`."""
    return [
        (start_ms / 1000, until_s if end_ms == NO_MS else min(end_ms / 1000, until_s))
        for start_ms, end_ms in zip(stays["started_ms"].tolist(), stays["ended_ms"].tolist(), strict=True)
    ]


def _match(found: Sequence[Span], true: Sequence[Span]) -> list[tuple[Span, Span]]:
    pairs: list[tuple[Span, Span]] = []
    begin = 0
    for other in true:
        while begin < len(found) and found[begin][1] <= other[0]:
            begin += 1
        number = begin
        while number < len(found) and found[number][0] < other[1]:
            one = found[number]
            number += 1
            if _common(one, other) >= _LEAST_IOU * (max(one[1], other[1]) - min(one[0], other[0])):
                pairs.append((one, other))
                begin = number
                break
    return pairs


def _common(one: Span, other: Span) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _mostly_in(parts: Sequence[Span], whole: Span) -> int:
    return sum(1 for part in parts if _common(part, whole) > 0.5 * (part[1] - part[0]))


def _share_in(one: Span, spans: Sequence[Span]) -> float:
    return sum(_common(one, span) for span in spans) / max(1e-9, one[1] - one[0])


def _inside(times: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    inside = np.zeros(len(times), dtype=bool)
    for begin, end in spans:
        inside |= (times >= begin) & (times <= end)
    return inside
