"""What the rounds brought, as the summary that a run prints."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Tally"]


@dataclass
class Tally:
    """Counts of one run.

    Attributes:
        seed: repeats the run's order of faults.
        rounds: the names of the faults of each.
        recoveries: seconds from mending until all was whole, by round; some rounds do not wait for it.
        counts: what went through, by name.
    """

    seed: int
    rounds: list[list[str]] = field(default_factory=list)
    recoveries: dict[int, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The summary."""
        if not self.rounds:
            return []
        by_fault = Counter(name for names in self.rounds for name in names)
        lines = [f"{len(self.rounds)} rounds, seed {self.seed}, faults:"]
        lines += [f"  {count:4} {name}" for name, count in sorted(by_fault.items())]
        lines += [f"{name}: {count}" for name, count in self.counts.items()]
        if self.recoveries:
            slowest = sorted(self.recoveries, key=self.recoveries.__getitem__)[-3:]
            waits = sorted(self.recoveries.values())
            lines.append(f"whole again after {waits[len(waits) // 2]:.1f} s in the middle, and at the slowest:")
            lines += [
                f"  {self.recoveries[each]:.1f} s after {' + '.join(self.rounds[each - 1])}" for each in slowest[::-1]
            ]
        return lines

    def how_to_repeat(self) -> str:
        """What a failure tells of the way there."""
        last = "; ".join(" + ".join(names) for names in self.rounds[-3:])
        return f"in round {len(self.rounds)} with CHAOS_SEED={self.seed}, the last faults being {last}"
