"""The lease on the real MongoDB: one holder at a time, taken over soon, each with a higher term than the one before."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pymongo.database import Database

from itrack.lease import Lease, LeaseHeld, LeaseLost
from itrack.mongo import BOOKMARKS, Document, open_database
from itrack.settings import Settings

pytestmark = pytest.mark.services

SHORT_S = 1.0


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    database = open_database(settings, part="test")
    yield database
    database.client.close()


def lease(database: Database[Document], note: str = "") -> Lease:
    return Lease(database, "work", work="test", lasts_s=SHORT_S, note=note)


def test_one_holds_it_and_the_next_follows_at_once(database: Database[Document]) -> None:
    """Nobody else gets in while it is renewed, however long; whoever is refused hears of the holder."""
    with lease(database, note="first") as first:
        term = first.term
        deadline_s = time.monotonic() + 2.5 * SHORT_S
        while time.monotonic() < deadline_s:
            with pytest.raises(LeaseHeld) as held:
                lease(database).__enter__()
            assert (held.value.holder, held.value.note) == (first._holder, "first")
            time.sleep(0.1)
        first.check()
        assert first.term == term
    with lease(database) as second:
        second.check()
        assert second.term > term


def test_a_frozen_holder_is_followed_and_hears_of_it(database: Database[Document]) -> None:
    """Once its time is over somebody else takes the lease; the old holder finds out, and returns nothing of theirs."""
    with lease(database) as old:
        old._is_over.set()  # it renews no more, as one that is frozen
        old._thread.join()
        time.sleep(SHORT_S + 0.1)
        with lease(database) as new:
            assert new.term > old.term
            old._is_over.clear()
            old._keep()  # as it does when it wakes
            with pytest.raises(LeaseLost):
                old.check()
            old.__exit__(None, None, None)
            with pytest.raises(LeaseHeld):
                lease(database).__enter__()
            new.check()


def test_a_lease_that_nobody_took_is_kept(database: Database[Document]) -> None:
    """When it could not be renewed in time, as while MongoDB is away, its holder goes on if nobody was quicker."""
    with lease(database) as held:
        database[BOOKMARKS].update_one(
            {"_id": "work"}, {"$set": {"until_at": database.client.admin.command("hello")["localTime"]}}
        )
        assert held._take()["term"] == held.term
        with pytest.raises(LeaseHeld):
            lease(database).__enter__()


def test_a_term_is_never_used_again(database: Database[Document]) -> None:
    """Somebody who deletes the lease's document does not make the next holder's writes look old."""
    with lease(database) as first:
        pass
    database[BOOKMARKS].delete_many({})
    with lease(database) as second:
        assert second.term > first.term
