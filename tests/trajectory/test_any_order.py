"""Stream equals batch: whatever order fixes come in, what is stored in the end is what a replay in order finds."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from itrack.fix import Fix
from itrack.trajectory.rules import Rules
from tests.trajectory.ledger import Ledger, batch_findings
from tests.trajectory.tracks import NOON, fix

RULES = Rules()

Step = tuple[int, float, int, float | None, int, int, int, bool]
"""Seconds since the fix before, metres, direction, accuracy, clock, seconds on the way, places later, twice."""

steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 5, 30, 120, 400, 4000, 30_000]),  # seconds since the fix before
        st.sampled_from([0.0, 3.0, 30.0, 70.0, 250.0, 2000.0, 90_000.0]),  # metres
        st.sampled_from([-1, 1]),
        st.sampled_from([None, 8.0, 40.0, 900.0]),  # accuracy
        st.sampled_from([0] * 12 + [-1, 1]),  # a wrong clock: long ago, or ahead
        st.sampled_from([0] * 8 + [1, 40, 100, 200, 1000, 90_000]),  # seconds on the way to the server
        st.sampled_from([0] * 6 + [1, 3, 10, 30]),  # how many places later it reaches the stream
        st.booleans(),  # it comes twice
    ),
    max_size=60,
)


def sent(track: list[Step]) -> list[Fix]:
    """The fixes in the order in which they reach the stream, some twice."""
    second, north_m = 0, 0.0
    arriving: list[tuple[int, Fix]] = []
    for number, (pause_s, metres, direction, accuracy_m, clock, way_s, later, is_double) in enumerate(track):
        second += pause_s
        north_m = max(-3e6, min(3e6, north_m + direction * metres))
        one = fix(second, north_m, number=number, accuracy_m=accuracy_m, server_second=second + way_s)
        if clock:
            one = replace(one, fixed_at=one.fixed_at + clock * timedelta(days=20_000 if clock < 0 else 30))
        arriving.append((number + later, one))
        if is_double:
            arriving.append((number + later + 4, one))
    return [one for _, one in sorted(arriving, key=lambda each: each[0])]


@settings(max_examples=200, deadline=None)
@given(steps, st.data())
def test_what_is_stored_in_the_end_does_not_depend_on_the_order_of_arrival(
    track: list[Step], data: st.DataObject
) -> None:
    """Late fixes, doubles, wrong clocks, silence told between, restarts, repairs at any moment: the same findings."""
    fixes = sent(track)
    ledger = Ledger(RULES)
    while fixes:
        count = data.draw(st.integers(1, 12))
        ledger.take(fixes[:count])
        fixes = fixes[count:]
        action = data.draw(st.sampled_from(["", "", "hear", "restart", "repair"]))
        if action == "hear":
            ledger.hear(max(one.server_at for one in ledger.fixes.values()) + timedelta(seconds=400))
        elif action == "restart":
            ledger.restart()
        elif action == "repair" and ledger.repairs:
            ledger.repair_one()
    while ledger.repairs:
        ledger.repair_one()
    now = NOON + timedelta(days=3650)
    ledger.hear(now)
    assert ledger.findings == batch_findings(ledger.fixes.values(), RULES, now)
