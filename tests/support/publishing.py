"""What tests of the producer share: documents of fixes, and a reader of what was published."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import httpx2
from kafka import KafkaConsumer

from infra.process import Child
from itrack.fix import Fix
from itrack.mongo import Document
from itrack.settings import Settings
from itrack.wire import decode_fix, fix_document

__all__ = ["Reader", "fixes", "ids", "kill", "metric", "numbers_of_devices", "wait_until"]


def fixes(first: int, count: int, *, stored_at: datetime | None = None) -> list[Document]:
    """Documents of fixes with identifiers from `first` on, over seven devices."""
    at = stored_at or datetime.now(UTC)
    return [
        fix_document(
            Fix(
                fix_id=f"main:{number}",
                device_id=f"main:{number % 7}",
                fixed_at=at,
                device_at=at,
                server_at=at,
                latitude_deg=47.0,
                longitude_deg=8.0,
                attributes_json='{"secret": "stays in MongoDB"}',
                stored_at=at,
            )
        )
        for number in range(first, first + count)
    ]


def ids(first: int, count: int) -> list[str]:
    return [f"main:{number}" for number in range(first, first + count)]


def numbers_of_devices(published: Iterable[Fix]) -> dict[str, list[int]]:
    """By device, the numbers of its fixes in the order in which each was first seen."""
    seen: dict[str, dict[int, None]] = {}
    for fix in published:
        seen.setdefault(fix.device_id, {})[int(fix.fix_id.partition(":")[2])] = None
    return {device_id: list(numbers) for device_id, numbers in seen.items()}


class Reader:
    """Reads a topic from its beginning."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._consumer = KafkaConsumer(
            topic, bootstrap_servers=settings.kafka_address, auto_offset_reset="earliest", enable_auto_commit=False
        )
        self.messages: list[tuple[bytes | None, bytes]] = []

    def wait_for(self, is_enough: Callable[[list[bytes]], bool], within_s: float = 30.0) -> list[bytes]:
        """All values so far, once there are enough."""
        deadline = time.monotonic() + within_s
        while not is_enough(values := [value for _, value in self.messages]):
            assert time.monotonic() < deadline, f"only {len(values)} messages"
            for records in self._consumer.poll(timeout_ms=200).values():
                self.messages += [(record.key, record.value) for record in records]
        return values

    def wait_for_fixes(self, wanted: list[str], within_s: float = 30.0) -> list[Fix]:
        """All fixes so far, once every wanted one is among them."""
        missing = set(wanted)

        def is_enough(values: list[bytes]) -> bool:
            return missing <= {decode_fix(value).fix_id for value in values}

        return [decode_fix(value) for value in self.wait_for(is_enough, within_s)]

    def close(self) -> None:
        self._consumer.close()


def metric(settings: Settings, name: str) -> float:
    """The value of one of the producer's metrics, 0 when it has none yet."""
    text = httpx2.get(f"http://127.0.0.1:{settings.producer_metrics_port}/metrics").text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def wait_until(is_so: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def kill(child: Child) -> None:
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: child.pid is None)
