"""The producer: its rate, CPU and memory over a backlog, and its latency at 300 fixes/s."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import httpx2
import psutil
from confluent_kafka import Consumer, TopicPartition
from pymongo.database import Database

from benchmarks.rig import own_stack, paced, percentiles, running_part, wait_for
from itrack.fix import Fix
from itrack.mongo import FIXES, Document, open_database
from itrack.settings import Settings
from itrack.wire import decode_fix, fix_document

_BACKLOG, _LIVE, _RATE_PER_S = 200_000, 3_000, 300.0


def main() -> None:
    """Run it on a stack of its own and print the figures."""
    with own_stack() as settings:
        database = open_database(settings, part="bench")
        with running_part("producer", settings):
            pass  # it has a bookmark now: what follows comes through the change stream
        for first in range(0, _BACKLOG, 5_000):
            database[FIXES].insert_many([_document(number) for number in range(first, first + 5_000)])
        with running_part("producer", settings) as process:
            _print_backlog(settings, process)
            _print_latency(settings, database)
        database.client.close()


def _print_backlog(settings: Settings, process: psutil.Process) -> None:
    first, began_s, cpu_s = _published(settings), time.perf_counter(), sum(process.cpu_times()[:2])
    wait_for(lambda: _published(settings) >= _BACKLOG)
    count, took_s = _BACKLOG - first, time.perf_counter() - began_s
    cpu_s = (sum(process.cpu_times()[:2]) - cpu_s) / count * 100_000
    memory_mib = process.memory_info().rss / 2**20
    print(
        f"backlog of {count:,.0f}: {count / took_s:,.0f} fixes/s, {cpu_s:.2f} CPU-s per 100,000, {memory_mib:.0f} MiB"
    )


def _print_latency(settings: Settings, database: Database[Document]) -> None:
    inserted: dict[str, float] = {}
    arrived: dict[str, float] = {}

    def insert(number: int) -> None:
        document = _document(_BACKLOG + number)
        inserted[document["_id"]] = time.perf_counter()
        database[FIXES].insert_one(document)

    consumer = Consumer({"bootstrap.servers": settings.kafka_address, "group.id": "bench"})
    consumer.assign(_ends(settings, consumer))

    def read() -> None:
        while len(arrived) < _LIVE:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                arrived.setdefault(decode_fix(message.value()).fix_id, time.perf_counter())

    reader = threading.Thread(target=read)
    reader.start()
    paced(_LIVE, _RATE_PER_S, insert)
    reader.join()
    consumer.close()
    delays = [arrived[fix_id] - inserted[fix_id] for fix_id in inserted]
    print(f"insert call to consumer at {_RATE_PER_S:.0f}/s: {percentiles(delays)}")


def _ends(settings: Settings, consumer: Consumer) -> list[TopicPartition]:
    """The present ends of the topic's partitions."""
    ends = []
    for number in consumer.list_topics(settings.fixes_topic).topics[settings.fixes_topic].partitions:
        high = consumer.get_watermark_offsets(TopicPartition(settings.fixes_topic, number))[1]
        ends.append(TopicPartition(settings.fixes_topic, number, high))
    return ends


def _published(settings: Settings) -> float:
    text = httpx2.get(f"http://127.0.0.1:{settings.producer_metrics_port}/metrics").text
    return float(text.partition("\nitrack_producer_published_total ")[2].partition("\n")[0])


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
