"""How devices are split into slots, and slots among producers."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.database import Database

from itrack.lease import LeaseLost
from itrack.mongo import BOOKMARKS, FIXES, Document
from streaming.bookmark import BEGINNING, Bookmark, load_bookmark, save_bookmark, take_over_bookmark
from streaming.change_stream import ChangeStream
from streaming.refill import fixes_stored_since
from streaming.slot_roll import hindmost
from streaming.slots import ONLY_SLOT, fair_share, slots_of

ODD_DEVICES: list[Document] = [
    {"_id": "missing"},
    {"_id": "null", "device_id": None},
    {"_id": "number", "device_id": 7},
    {"_id": "list", "device_id": ["main:1", "main:2"]},
    {"_id": "text", "device_id": "Zürich 🚶"},
]


@given(slots=st.integers(1, 64), producers=st.integers(1, 64))
def test_shares_cover_the_slots_evenly(slots: int, producers: int) -> None:
    """No slot is left over or given twice, and nobody has two more than another."""
    shares = [fair_share(slots, producers, rank) for rank in range(producers)]
    assert sum(shares) == slots
    assert max(shares) - min(shares) <= 1


bookmarks = st.builds(
    Bookmark,
    token=st.builds(lambda s: {"_data": f"82{s:08X}"}, st.integers(0, 2**32 - 1)),
    position_at=st.just(BEGINNING),
    refill_from_at=st.none() | st.integers(0, 100).map(lambda days: BEGINNING + timedelta(days=days)),
)


@given(old=st.lists(bookmarks, min_size=1))
def test_new_slots_begin_where_nothing_is_missed(old: list[Bookmark]) -> None:
    """No old slot stood before the place where new ones begin, neither in the stream nor in a refill."""
    new = hindmost(old)
    assert new.token["_data"] == min(each.token["_data"] for each in old)
    pending = [each.refill_from_at for each in old if each.refill_from_at is not None]
    assert new.refill_from_at == (min(pending) if pending else None)


@pytest.mark.services
@pytest.mark.parametrize("count", [2, 3, 16])
def test_every_document_belongs_to_one_slot(database: Database[Document], count: int) -> None:
    """Stream and refill alike give each document, odd ones included, to exactly one slot; slots are about as full."""
    streams = [ChangeStream(database, slot=slot) for slot in slots_of(count)]
    whole = ChangeStream(database, slot=ONLY_SLOT)
    documents = [*ODD_DEVICES, *({"_id": number, "device_id": f"main:{number}"} for number in range(2_000))]
    database[FIXES].insert_many(documents)

    def streamed(stream: ChangeStream) -> list[object]:
        found: list[object] = []
        for batch in stream.batches():
            found += [document["_id"] for document in batch.documents]
            if found and not batch.documents:
                break
        stream.close()
        return found

    by_stream = [streamed(stream) for stream in streams]
    by_refill = [[each["_id"] for each in fixes_stored_since(database, BEGINNING, slot)] for slot in slots_of(count)]
    everything = {document["_id"] for document in documents}
    for slots in (by_stream, by_refill, [streamed(whole)]):
        assert sorted(map(str, chain.from_iterable(slots))) == sorted(map(str, everything))
    assert [set(each) for each in by_stream] == [set(each) for each in by_refill]
    assert min(map(len, by_stream)) > 2_000 / count / 2


@pytest.mark.services
def test_who_lost_the_slot_cannot_move_its_bookmark(database: Database[Document]) -> None:
    """From the moment the successor takes the bookmark over, what the predecessor saves has no effect."""
    old, new = (Bookmark(token={"_data": name}, position_at=BEGINNING) for name in ("old", "new"))
    name = ONLY_SLOT.name
    assert take_over_bookmark(database, name, 1) is None
    save_bookmark(database, name, old, 1)
    assert take_over_bookmark(database, name, 2) == old
    with pytest.raises(LeaseLost):
        save_bookmark(database, name, new, 1)
    with pytest.raises(LeaseLost):
        take_over_bookmark(database, name, 1)
    assert load_bookmark(database, name) == old
    save_bookmark(database, name, new, 2)
    assert load_bookmark(database, name) == new
    database[BOOKMARKS].delete_one({"_id": name})
    with pytest.raises(LeaseLost):
        save_bookmark(database, name, new, 2)
    assert load_bookmark(database, name) is None
