"""Reading the change stream, and telling a lost history from a short absence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from pymongo.database import Database

from itrack.errors import FillGap, TryAgain
from itrack.mongo import FIXES, Document, open_database
from itrack.settings import Settings
from streaming.bookmark import time_of_token
from streaming.change_stream import ChangeStream
from streaming.read_ahead import read_ahead

pytestmark = pytest.mark.services


def read(stream: ChangeStream, count: int) -> list[Document]:
    documents: list[Document] = []
    for batch in stream.batches():
        documents += batch.documents
        if len(documents) >= count:
            break
    return documents


def test_stream_goes_on_after_its_token(database: Database[Document]) -> None:
    """A stream that is opened after a token gives what came after it, and nothing twice."""
    with ChangeStream(database) as stream:
        token = stream.token
    database[FIXES].insert_many([{"_id": number} for number in range(5)])
    with ChangeStream(database, token) as stream:
        assert [document["_id"] for document in read(stream, 5)] == [0, 1, 2, 3, 4]


def test_attributes_stay_on_the_server(database: Database[Document]) -> None:
    """The phones' free text does not travel to a reader that does not publish it."""
    with ChangeStream(database) as stream:
        database[FIXES].insert_one({"_id": 1, "attributes_json": "x" * 1000, "valid": True})
        assert read(stream, 1) == [{"_id": 1, "valid": True}]


def test_token_moves_without_news(database: Database[Document]) -> None:
    """The token after an empty batch is newer when other collections have changed."""
    with ChangeStream(database, await_s=0.1) as stream:
        batches = stream.batches()
        first = next(batches).token
        database["others"].insert_one({})
        assert any(next(batches).token != first for _ in range(50))


def test_time_of_token_is_the_servers(database: Database[Document]) -> None:
    """A token tells MongoDB's time; one of an unknown form tells none, rather than a wrong one."""
    with ChangeStream(database) as stream:
        at = time_of_token(stream.token)
    assert at is not None
    assert abs((datetime.now(UTC) - at).total_seconds()) < 30
    assert time_of_token({"_data": "81FFFFFFFF"}) is None
    assert time_of_token({"_data": "82nothex!!"}) is None
    assert time_of_token({}) is None


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ({"_data": "82FF"}, "token_invalid"),
        ({"_data": "no token at all"}, "token_invalid"),
        ({}, "token_invalid"),
    ],
)
def test_refused_token_is_a_gap(database: Database[Document], token: Document, reason: str) -> None:
    """Whatever way a token is broken, the answer is to fill the gap, not to try it again for ever."""
    with pytest.raises(FillGap, match=reason):
        ChangeStream(database, token)


def test_absent_server_is_no_gap(settings: Settings) -> None:
    """A MongoDB that does not answer is waited for; nothing is re-read because of it."""
    away = settings.model_copy(update={"mongodb_port": 1, "mongodb_uri": None})
    database = open_database(away, part="test", timeout_s=0.2)
    with pytest.raises(TryAgain):
        ChangeStream(database, {"_data": "82FF"})


def test_error_of_the_reader_crosses_the_thread() -> None:
    """An error in the thread that reads ahead is raised where the items are worked on, after the items before it."""

    def items() -> Iterator[int]:
        yield 1
        raise FillGap("history_lost")

    with closing(read_ahead(items())) as ahead:
        assert next(ahead) == 1
        with pytest.raises(FillGap, match="history_lost"):
            next(ahead)
