"""Several producers as they run: processes of their own that split devices among them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.database import Database

from infra.parts import PARTS, health
from infra.process import Child
from itrack.mongo import BOOKMARKS, FIXES, Document
from itrack.settings import Settings
from streaming.bookmark import load_bookmark
from streaming.slots import slots_of
from tests.support.ports import free_ports
from tests.support.publishing import Reader, fixes, ids, kill, metric, numbers_of_devices, wait_until

pytestmark = pytest.mark.services

PRODUCER = next(part for part in PARTS if part.name == "producer")


class Producer:
    """One of several, with a port of its own."""

    def __init__(self, start: Callable[..., Child], settings: Settings, slots: int, *, wait: bool = True) -> None:
        (port,) = free_ports(1)
        self.settings = settings.model_copy(update={"producer_metrics_port": port, "producer_slots": slots})
        self.child = start("producer", wait=wait, producer_metrics_port=port, producer_slots=slots)

    @property
    def slots(self) -> int:
        return int(metric(self.settings, "itrack_producer_slots"))

    def signal(self, number: signal.Signals) -> None:
        assert self.child.pid is not None
        os.kill(self.child.pid, number)


@pytest.fixture
def start_producer(settings: Settings, start_part: Callable[..., Child]) -> Callable[..., Producer]:
    return lambda slots, wait=True: Producer(start_part, settings, slots, wait=wait)


Start = Callable[..., Producer]


def assert_order(published: list) -> None:
    """What a reader that takes each fix once sees of a device is in the order in which it was stored."""
    for numbers in numbers_of_devices(published).values():
        assert numbers == sorted(numbers)


def test_producers_share_slots_and_hand_over_without_a_repetition(
    database: Database[Document], topic: Reader, start_producer: Start
) -> None:
    """A second producer gets half of the slots, and all when the first one stops; no fix is published twice."""
    first = start_producer(4)
    wait_until(lambda: first.slots == 4)
    number = 1

    def until(is_so: Callable[[], bool]) -> None:
        nonlocal number

        def is_so_yet() -> bool:
            nonlocal number
            database[FIXES].insert_many(fixes(number, 50))
            number += 50
            return is_so()

        wait_until(is_so_yet)

    until(lambda: number > 500)
    second = start_producer(4)
    until(lambda: first.slots == second.slots == 2)
    third = start_producer(4)
    until(lambda: sorted(each.slots for each in (first, second, third)) == [1, 1, 2])
    first.child.stop()
    until(lambda: second.slots == third.slots == 2)
    published = topic.wait_for_fixes(ids(1, number - 1))
    assert len(published) == number - 1
    assert_order(published)


def test_more_producers_than_slots_stand_by(database: Database[Document], topic: Reader, start_producer: Start) -> None:
    """With one slot a second producer waits, well, and goes on when the first one is killed: nothing is lost."""
    first = start_producer(1)
    database[FIXES].insert_many(fixes(1, 100))
    topic.wait_for_fixes(ids(1, 100))
    second = start_producer(1)
    assert (first.slots, second.slots) == (1, 0)
    assert "standing by" in str((health(PRODUCER.url(second.settings)) or {})["detail"])
    kill(first.child)
    database[FIXES].insert_many(fixes(101, 100))
    topic.wait_for_fixes(ids(1, 200))
    assert second.slots == 1


def test_slots_of_a_dead_producer_are_taken_over(
    database: Database[Document], topic: Reader, start_producer: Start
) -> None:
    """SIGKILL in the middle of work: the other producer goes on with every device, without a loss and in order."""
    first, second = start_producer(4), start_producer(4)
    wait_until(lambda: first.slots == second.slots == 2)
    database[FIXES].insert_many(fixes(1, 20_000))
    topic.wait_for(lambda values: len(values) > 1_000)
    kill(first.child)
    database[FIXES].insert_many(fixes(20_001, 1_000))
    assert_order(topic.wait_for_fixes(ids(1, 21_000), within_s=60))
    wait_until(lambda: second.slots == 4)


def test_frozen_producer_that_wakes_moves_no_bookmark_and_breaks_no_order(
    database: Database[Document], topic: Reader, start_producer: Start
) -> None:
    """What it still publishes is a repetition for readers; the bookmark never goes back; it stands by afterwards."""
    first = start_producer(1)
    second = start_producer(1)
    database[FIXES].insert_many(fixes(1, 30_000))
    topic.wait_for(lambda values: len(values) > 500)
    first.signal(signal.SIGSTOP)
    try:
        database[FIXES].insert_many(fixes(30_001, 1_000))
        wait_until(lambda: second.slots == 1)
        topic.wait_for_fixes(ids(1, 31_000), within_s=60)
        wait_until(lambda: load_bookmark(database, "producer").refill_from_at is None)
        placed = load_bookmark(database, "producer")
        holder = database[BOOKMARKS].find_one({"_id": "producer-lease"})["holder"]
    finally:
        first.signal(signal.SIGCONT)
    places = []
    wait_until(lambda: bool(places.append(load_bookmark(database, "producer"))) or first.slots == 0)
    ends_s = time.monotonic() + 2
    wait_until(lambda: bool(places.append(load_bookmark(database, "producer"))) or time.monotonic() > ends_s)
    tokens = [each.token["_data"] for each in [placed, *places]]
    assert tokens == sorted(tokens)
    assert database[BOOKMARKS].find_one({"_id": "producer-lease"})["holder"] == holder
    database[FIXES].insert_many(fixes(31_001, 100))
    assert_order(topic.wait_for_fixes(ids(1, 31_100)))


def test_number_of_slots_may_change_and_nothing_is_lost(
    database: Database[Document], topic: Reader, start_producer: Start
) -> None:
    """From one slot to three, to two, to one, with fixes stored while no producer runs."""
    database[FIXES].insert_many(fixes(1, 500, stored_at=datetime.now(UTC) - timedelta(days=1)))
    number = 501
    for slots in (1, 3, 2, 1):
        producer = start_producer(slots)
        wait_until(lambda producer=producer, slots=slots: producer.slots == slots)
        database[FIXES].insert_many(fixes(number, 500))
        topic.wait_for_fixes(ids(1, number + 499))
        bookmarks = {each["_id"] for each in database[BOOKMARKS].find({"token": {"$exists": True}})}
        assert bookmarks == {slot.name for slot in slots_of(slots)}
        producer.child.stop()
        database[FIXES].insert_many(fixes(number + 500, 500))
        number += 1_000
    start_producer(1)
    published = topic.wait_for_fixes(ids(1, number - 1))
    assert_order(published)
    assert len(published) < 1.5 * number, "the whole collection was read again"


def test_another_number_of_slots_waits_until_the_others_have_stopped(
    database: Database[Document], topic: Reader, start_producer: Start
) -> None:
    """Producers that are set to different numbers never work beside each other; the one that waits says why."""
    first = start_producer(2)
    wait_until(lambda: first.slots == 2)
    second = start_producer(3, wait=False)
    wait_until(lambda: "ITRACK_PRODUCER_SLOTS=3" in str((health(PRODUCER.url(second.settings)) or {}).get("detail")))
    database[FIXES].insert_many(fixes(1, 100))
    assert len(topic.wait_for_fixes(ids(1, 100))) == 100
    first.child.stop()
    wait_until(lambda: second.slots == 3)
    database[FIXES].insert_many(fixes(101, 100))
    topic.wait_for_fixes(ids(101, 100))
