"""What the tests of producer and bus look into: MongoDB, and the topic of fixes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo.database import Database

from itrack.mongo import Document, open_database
from itrack.settings import Settings
from tests.support.publishing import Reader


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    """The test's own."""
    database = open_database(settings, part="test")
    yield database
    database.client.close()


@pytest.fixture
def topic(settings: Settings) -> Iterator[Reader]:
    """A reader of the topic of fixes."""
    reader = Reader(settings, settings.fixes_topic)
    yield reader
    reader.close()
