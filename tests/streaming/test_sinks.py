"""Findings that cannot be written."""

import threading
import time
from datetime import UTC, datetime

import msgspec
import pytest

from itrack.errors import SetAside
from itrack.settings import load_settings
from itrack.wire import dead_letter
from streaming.outlet import Stopped
from streaming.sinks import AnalyticsSink


def test_a_kafka_that_is_away_does_not_keep_the_job_from_stopping() -> None:
    """On SIGTERM a batch that Kafka does not take is given up well before the supervisor kills; it is repeated."""
    stopping = threading.Event()
    sink = AnalyticsSink(load_settings(kafka_port=1), stopping, lambda _trouble: None)
    letter = dead_letter("kafka:fixes/0/0", SetAside("not_a_fix", "cut"), b"{", datetime.now(UTC))
    threading.Timer(1.0, stopping.set).start()
    began_s = time.monotonic()
    with pytest.raises(Stopped):
        sink.write([("dead_letter", msgspec.msgpack.encode(letter))])
    assert time.monotonic() - began_s < 15
    sink.close()
