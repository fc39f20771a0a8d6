"""Rounds of faults at random while phones send: whatever happens, nothing that Traccar stored is lost.

`make chaos` plays many rounds. A failure tells the seed; CHAOS_SEED repeats the order of faults, and CHAOS_ONLY plays
only those whose names it finds as a regular expression (`CHAOS_ONLY='kafka|clock back'`).
"""

from __future__ import annotations

import os
import re
import time
from contextlib import ExitStack
from random import Random

import pytest

from tests.chaos.faults import Fault, all_faults, choose
from tests.chaos.line import Line
from tests.chaos.tally import Tally

pytestmark = pytest.mark.services

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "4"))
ONLY = os.environ.get("CHAOS_ONLY", "")
REPORTS = 50
MOST_FAULTS_END_WITHIN_S = 3.0
SOME_END_WITHIN_S = 10.0
"""Longer than any lease, so that whoever was frozen or cut off comes back to find its work taken."""
AT_MOST_S = 150.0


def play(line: Line, faults: list[Fault], random: Random) -> None:
    """One round: phones send, faults come one after the other, and all are mended again."""
    line.phones.send(random, REPORTS, over_s=1.0)
    if random.random() < 0.3:
        line.phones.meddle(random)
    with ExitStack() as mended:
        for fault in faults:
            mended.enter_context(fault.strike())
            time.sleep(random.uniform(0.0, 0.7))
        time.sleep(random.uniform(0.3, SOME_END_WITHIN_S if random.random() < 0.25 else MOST_FAULTS_END_WITHIN_S))
    line.revive()
    line.phones.join()


@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_nothing_is_lost_whatever_goes_wrong(line: Line, tally: Tally) -> None:
    """After every round MongoDB, and a reader of Kafka, have what Traccar stored, id by id, value by value, in order.

    Every third round begins while the line still recovers from the one before.
    """
    faults = [each for each in all_faults(line) if re.search(ONLY, each.name)]
    for number in range(1, ROUNDS + 1):
        random = Random(f"{tally.seed}/{number}")  # noqa: S311 - an order of faults
        chosen = choose(random, faults)
        tally.rounds.append([each.name for each in chosen])
        began_s = time.monotonic()
        play(line, chosen, random)
        played_s = time.monotonic() - began_s
        if number == ROUNDS:
            line.phones.give_all_back()
        recovered = ""
        if number == ROUNDS or random.random() < 0.67:
            try:
                tally.recoveries[number] = line.wait_whole(AT_MOST_S)
            except AssertionError as error:
                pytest.fail(f"{error} {tally.how_to_repeat()}", pytrace=False)
            recovered = f", whole after {tally.recoveries[number]:.1f} s"
        print(f"{number}: {' + '.join(tally.rounds[-1])}, {played_s:.1f} s{recovered}", flush=True)  # noqa: T201
    tally.counts = line.counts()
