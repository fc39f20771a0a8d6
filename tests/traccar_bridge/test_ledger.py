"""Accounting for position ids, asking for them, and looking behind the last one."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from hypothesis import given
from hypothesis import strategies as st

from traccar_bridge.by_id import ask_by_id, look_ahead
from traccar_bridge.errors import TooMuch
from traccar_bridge.ledger import IdLedger
from traccar_bridge.rest import MOST_IDS


class Server:
    """Answers for ids as Traccar does: all or nothing. A heavy position, or more than ten, is too much."""

    def __init__(self, ids: set[int], heavy: set[int] | None = None) -> None:
        self.ids = ids
        self.heavy = heavy or set()
        self.requests = 0

    def ask(self, ids: Sequence[int]) -> list[bytes] | None:
        self.requests += 1
        assert 0 < len(ids) <= MOST_IDS
        if not set(ids) <= self.ids:
            return None
        if self.heavy and (len(ids) > 10 or self.heavy & set(ids)):
            raise TooMuch
        return [str(each).encode() for each in ids]


@given(st.sets(st.integers(1, 900)), st.sets(st.integers(1, 900)))
def test_every_id_is_answered_or_refused(existing: set[int], wanted: set[int]) -> None:
    """Whatever is missing, exactly the existing ids are answered and exactly the missing ones are refused."""
    server = Server(existing)
    asked = ask_by_id(server.ask, sorted(wanted), most_refused=1_000)
    assert set(asked.answered) == wanted & existing
    assert set(asked.refused) == wanted - existing
    assert asked.left == []
    assert {int(text) for text in asked.positions} == wanted & existing


@given(st.sets(st.integers(1, 2_000)), st.integers(0, 20))
def test_asking_stops_after_enough_refusals(existing: set[int], most_refused: int) -> None:
    """Among many hidden ids the requests are bounded, and no id is forgotten."""
    ids = range(1, 2_001)
    asked = ask_by_id(Server(existing).ask, ids, most_refused)
    assert sorted(asked.answered + asked.refused + asked.left) == list(ids)
    assert len(asked.refused) <= most_refused + 1
    assert set(asked.answered) <= existing


@given(st.sets(st.integers(1, 900)), st.sets(st.integers(1, 900), min_size=1))
def test_answers_that_are_too_much_are_asked_for_in_parts(existing: set[int], heavy: set[int]) -> None:
    """Whatever the sizes of the answers, every id ends where it belongs."""
    asked = ask_by_id(Server(existing, heavy).ask, range(1, 901), most_refused=1_000)
    assert set(asked.answered) == existing - heavy
    assert {int(text) for text in asked.positions} == existing - heavy
    assert set(asked.too_large) == existing & heavy
    assert set(asked.refused) == set(range(1, 901)) - existing


def test_one_hole_costs_few_requests() -> None:
    """One missing id among 400 is found with about 2 log2(n) requests."""
    server = Server(set(range(1, 401)) - {123})
    asked = ask_by_id(server.ask, range(1, 401), 10)
    assert asked.refused == [123]
    assert server.requests <= 2 * log2(400) + 2


@given(st.sets(st.integers(1, 300)), st.sets(st.integers(1, 300)), st.integers(1, 70))
def test_look_ahead_finds_the_end(existing: set[int], heavy: set[int], width: int) -> None:
    """Looking ahead reaches every id not behind `width` or more missing ones in a row, however large they are."""
    expected = 0
    for each in sorted(existing):
        if each - expected > width:
            break
        expected = each
    highest, texts, is_at_end = look_ahead(Server(existing, heavy).ask, 0, width, 1_000_000)
    assert is_at_end
    assert highest == expected
    assert {int(text) for text in texts} <= existing


def test_looking_ahead_ends_where_there_is_no_end() -> None:
    """A server that stores as fast as it answers is not asked for ever, and what was found of it is not lost."""
    highest, texts, is_at_end = look_ahead(lambda ids: [str(each).encode() for each in ids], 0, 4, 10)
    assert not is_at_end
    assert {int(text) for text in texts} == set(range(1, highest + 1))


@given(
    rounds=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=60),
    holes=st.sets(st.integers(1, 400)),
    late=st.dictionaries(st.integers(1, 400), st.integers(1, 60), max_size=30),
)
def test_nothing_below_the_settled_id_is_missing(
    rounds: list[tuple[int, int]], holes: set[int], late: dict[int, int]
) -> None:
    """After any course of rounds, every id up to the settled one is stored or never appeared within five minutes.

    `late` ids are committed some rounds after their number was given, as slow inserts are.
    """
    ledger, now_s, top, stored = IdLedger(0), 0.0, 0, set[int]()
    given_at_s: dict[int, float] = {}
    for number, (passes_s, grows) in enumerate(rounds):
        now_s += passes_s
        for position_id in range(top + 1, top + grows + 1):
            given_at_s[position_id] = now_s
        top += grows
        exists = {each for each in range(1, top + 1) if each not in holes and late.get(each, 0) <= number}
        ledger.saw(max(exists, default=0))
        for due in (ledger.due_again(now_s), ledger.next_to_walk(1_000)):
            wanted = set(due)
            stored |= wanted & exists
            ledger.settled(wanted & exists)
            ledger.refused(sorted(wanted - exists), now_s)
            if isinstance(due, range):
                ledger.walked(due)
        for position_id in range(1, ledger.settled_id + 1):
            assert position_id in stored or now_s - given_at_s[position_id] >= 300
