"""The producer beside the MongoDB Kafka connector: same MongoDB, broker and documents, in alternating rounds.

Each round publishes a backlog of 200,000 fixes over 2,000 devices into a topic of its own, and then follows 300 fixes
a second, and 5. Throughput and CPU are taken while all but the first tenth of the backlog is published, so that no
program's start counts.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime, timedelta

import msgspec
import psutil
from confluent_kafka import Consumer, TopicPartition
from pymongo.database import Database

from benchmarks.connector import running_connector
from benchmarks.rig import own_stack, paced, percentile_ms, running_part, wait_for
from itrack.fix import Fix
from itrack.kafka import ensure_topics
from itrack.mongo import FIXES, Document, open_database
from itrack.settings import Settings
from itrack.wire import fix_document
from streaming.bookmark import Bookmark, place_bookmark
from streaming.change_stream import ChangeStream
from streaming.slots import ONLY_SLOT

_BACKLOG, _ROUNDS = 200_000, 3
_LIVE, _RATE_PER_S = 3_000, 300.0
_FEW, _LOW_RATE_PER_S = 100, 5.0


@dataclass(frozen=True)
class _Figures:
    """Of one round."""

    fixes_per_s: float
    cpu_s_per_100k: float
    memory_mib: float
    p50_ms: float
    p95_ms: float
    slow_p50_ms: float
    slow_p95_ms: float


def main() -> None:
    """Run it on a stack of its own and print the figures and their ratios."""
    with own_stack() as settings, closing(open_database(settings, part="bench").client) as client:
        database = client.get_database(settings.mongodb_database)
        with ChangeStream(database) as stream:
            beginning = Bookmark(token=stream.token, position_at=datetime.now(UTC))
        since_at = datetime.now(UTC) - timedelta(seconds=1)
        for first in range(0, _BACKLOG, 5_000):
            database[FIXES].insert_many([_document(number) for number in range(first, first + 5_000)])
        rounds: dict[str, list[_Figures]] = {"connector": [], "producer": []}
        stored = _BACKLOG
        for number in range(_ROUNDS):
            for name, figures in rounds.items():
                topics = {"fixes_topic": f"{name}.{number}", "dead_letter_topic": f"{name}.{number}.dead-letter"}
                own = settings.model_copy(update=topics)
                ensure_topics(own)
                place_bookmark(database, ONLY_SLOT.name, beginning)
                program = running_connector(own, since_at) if name == "connector" else running_part("producer", own)
                figures.append(_round(own, database, program, stored))
                stored += _LIVE + _FEW
                print(f"{name:10}", _shown(figures[-1]), flush=True)
    connector, producer = (_medians(each) for each in rounds.values())
    print(f"medians\nconnector  {_shown(connector)}\nproducer   {_shown(producer)}")
    ratios = [ours / theirs for ours, theirs in zip(astuple(producer), astuple(connector), strict=True)]
    print("ratio     ", _shown(_Figures(*ratios), "{:.2f}"))


def _round(
    settings: Settings, database: Database[Document], program: AbstractContextManager[psutil.Process], stored: int
) -> _Figures:
    with _consumer(settings) as consumer, program as process:
        wait_for(lambda: _published(settings, consumer) >= stored // 10)
        first, began_s, cpu_s = _published(settings, consumer), time.perf_counter(), _cpu_s(process)
        wait_for(lambda: _published(settings, consumer) >= stored)
        took_s, cpu_s = time.perf_counter() - began_s, _cpu_s(process) - cpu_s
        delays = _delays(settings, database, consumer, range(stored, stored + _LIVE), _RATE_PER_S)
        next_ = stored + _LIVE
        slow = _delays(settings, database, consumer, range(next_, next_ + _FEW), _LOW_RATE_PER_S)
        return _Figures(
            fixes_per_s=(stored - first) / took_s,
            cpu_s_per_100k=cpu_s / (stored - first) * 100_000,
            memory_mib=process.memory_info().rss / 2**20,
            p50_ms=percentile_ms(delays, 0.5),
            p95_ms=percentile_ms(delays, 0.95),
            slow_p50_ms=percentile_ms(slow, 0.5),
            slow_p95_ms=percentile_ms(slow, 0.95),
        )


def _delays(
    settings: Settings, database: Database[Document], consumer: Consumer, numbers: range, rate_per_s: float
) -> list[float]:
    """Seconds between the call that inserts a fix of these numbers and its arrival at a consumer."""
    inserted: dict[str, float] = {}
    arrived: dict[str, float] = {}

    def insert(number: int) -> None:
        document = _document(numbers[number])
        inserted[document["_id"]] = time.perf_counter()
        database[FIXES].insert_one(document)

    consumer.assign(
        [TopicPartition(settings.fixes_topic, number, high) for number, high in _ends(settings, consumer).items()]
    )

    def read() -> None:
        while len(arrived) < len(numbers):
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                value = msgspec.json.decode(message.value())
                arrived.setdefault(value.get("fix_id") or value["_id"], time.perf_counter())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    paced(len(numbers), rate_per_s, insert)
    reader.join(60)
    assert not reader.is_alive(), f"{len(numbers) - len(arrived)} fixes did not arrive"
    return [arrived[fix_id] - inserted[fix_id] for fix_id in inserted]


@contextmanager
def _consumer(settings: Settings) -> Iterator[Consumer]:
    consumer = Consumer({"bootstrap.servers": settings.kafka_address, "group.id": "bench"})
    try:
        yield consumer
    finally:
        consumer.close()


def _ends(settings: Settings, consumer: Consumer) -> dict[int, int]:
    topic = settings.fixes_topic
    numbers = range(settings.kafka_partitions)
    return {number: consumer.get_watermark_offsets(TopicPartition(topic, number))[1] for number in numbers}


def _published(settings: Settings, consumer: Consumer) -> int:
    return sum(_ends(settings, consumer).values())


def _cpu_s(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def _medians(rounds: list[_Figures]) -> _Figures:
    return _Figures(*(statistics.median(getattr(each, field.name) for each in rounds) for field in fields(_Figures)))


def _shown(figures: _Figures, form: str = "{:,.1f}") -> str:
    return ", ".join(f"{field.name} {form.format(getattr(figures, field.name))}" for field in fields(figures))


def _document(number: int) -> Document:
    now = datetime.now(UTC)
    return fix_document(
        Fix(
            fix_id=f"main:{number}",
            device_id=f"main:{number % 2_000}",
            fixed_at=now,
            device_at=now,
            server_at=now,
            latitude_deg=47.0 + number * 1e-6,
            longitude_deg=8.0,
            altitude_m=400.0,
            speed_mps=1.2,
            course_deg=90.0,
            accuracy_m=12.5,
            battery_pct=83.0,
            is_moving=True,
            attributes_json='{"batteryLevel":83.0,"distance":1.0,"totalDistance":100.0,"motion":true}',
            stored_at=now,
        )
    )
