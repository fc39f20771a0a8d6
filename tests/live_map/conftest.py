"""A running map beside the real MongoDB and Kafka, and a way to tell it news."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer
from pymongo.database import Database

from infra.process import Child
from itrack.fix import Fix
from itrack.mobility import Event
from itrack.mongo import FIXES, Document, open_database
from itrack.settings import Settings
from itrack.wire import encode, encode_fix, fix_document


class Line:
    """What comes before the map: writes to MongoDB and Kafka as the other parts do."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.database: Database[Document] = open_database(settings, part="test")
        self._producer = Producer({"bootstrap.servers": settings.kafka_address, "linger.ms": 0})

    def store(self, *fixes: Fix) -> None:
        """Put fixes into MongoDB, without telling Kafka."""
        self.database[FIXES].insert_many([fix_document(fix) for fix in fixes])

    def tell(self, *news: Fix | Event) -> None:
        """Put fixes and events on Kafka, and wait until they are there."""
        for each in news:
            if isinstance(each, Fix):
                self._producer.produce(self._settings.fixes_topic, key=each.device_id, value=encode_fix(each))
            else:
                self._producer.produce(self._settings.events_topic, key=each.device_id, value=encode(each))
        self._producer.flush(20)

    def tell_raw(self, topic: str, key: str, value: bytes | None) -> None:
        """Put any message on Kafka."""
        self._producer.produce(topic, key=key, value=value)
        self._producer.flush(20)

    def close(self) -> None:
        """Let go of MongoDB."""
        self.database.client.close()


@pytest.fixture
def line(settings: Settings) -> Iterator[Line]:
    """MongoDB and Kafka as the map finds them."""
    line = Line(settings)
    yield line
    line.close()


@pytest.fixture
def the_map(start_part: Callable[..., Child]) -> Child:
    """The map as a process of its own, healthy."""
    return start_part("map")


@pytest.fixture
def chromium() -> str:
    """Where the browser is."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return found
