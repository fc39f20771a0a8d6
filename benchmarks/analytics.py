"""The Spark job on two cores: how many fixes a second it takes from a backlog, and how soon it tells an event live.

Fixes go straight to Kafka, as the producer would put them there: people who walk for 80 seconds and sit for a minute, a
fix of each every two seconds, and half a minute is a stop, so that there are many events. The bars: 10,000 fixes/s from
a backlog with 2,000 and with 20,000 phones; live, at 1,000 fixes/s of 2,000 phones, an event within 1 s of its fix in
Kafka at the 95th percentile.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import psutil
from confluent_kafka import Consumer, Producer

from benchmarks.rig import own_stack, percentiles, running_part, wait_for
from itrack.fix import Fix
from itrack.settings import Settings
from itrack.wire import decode_event, encode_fix

_BACKLOG = 400_000
_LIVE_S, _WARM_UP_S = 90, 30
_LIVE_RATE_PER_S = 1_000
_WALK_S, _SIT_S, _DWELL_S, _PACE_MPS = 80, 60, 30, 1.4
_METRES_PER_DEGREE = 111_195.0


def main() -> None:
    """Run each on a stack of its own and print."""
    for phones in (2_000, 20_000):
        _backlog(phones)
    _live(2_000)


def _backlog(phones: int) -> None:
    with own_stack() as settings:
        producer = _producer(settings)
        began_at = datetime.now(UTC) - timedelta(seconds=2 * _BACKLOG / phones + 60)
        for number, (key, value) in enumerate(_fixes(phones, began_at, 2.0)):
            if number == _BACKLOG:
                break
            _send(producer, settings, key, value)
        producer.flush()
        with running_part("analytics", settings, stop_dwell_s=_DWELL_S) as job:
            began_s, began_cpu_s = time.perf_counter(), _cpu_s(job)
            first = _judged(settings)
            wait_for(lambda: _judged(settings) >= _BACKLOG, 600)
            seconds, cpu_s = time.perf_counter() - began_s, _cpu_s(job) - began_cpu_s
            count = _BACKLOG - first
            state = _metric(settings, "itrack_analytics_state_bytes") / phones
            print(
                f"backlog, {phones} phones: {count / seconds:.0f} fixes/s, {count / cpu_s:.0f} per CPU-second, "
                f"state {state:.0f} bytes a phone (bar 10,000 fixes/s)",
                flush=True,
            )


def _live(phones: int) -> None:
    with own_stack() as settings, running_part("analytics", settings, stop_dwell_s=_DWELL_S):
        consumer = _end_of_events(settings)
        producer = _producer(settings)
        every_s = phones / _LIVE_RATE_PER_S
        began_s, began_at = time.time(), datetime.now(UTC)
        taken: list[tuple[float, float]] = []
        for number, (key, value) in enumerate(_fixes(phones, began_at, every_s, now=True)):
            due_s = began_s + number / _LIVE_RATE_PER_S
            if number >= _LIVE_RATE_PER_S * (_LIVE_S + _WARM_UP_S):
                break
            while time.time() < due_s:
                producer.poll(0)
                taken += _latencies(consumer, 0.002)
            _send(producer, settings, key, value)
        producer.flush()
        ends_s = time.time() + 10
        while time.time() < ends_s:
            taken += _latencies(consumer, 0.5)
        consumer.close()
        seconds = [latency for at_s, latency in taken if at_s > began_s + _WARM_UP_S]
        rate = f"{phones} phones at {_LIVE_RATE_PER_S}/s"
        print(f"live, {rate}: {len(seconds)} events, {percentiles(seconds)} (bar p95 1 s)", flush=True)


def _fixes(phones: int, began_at: datetime, every_s: float, *, now: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values, round after round; each phone is at another place of its day."""
    number = 0
    while True:
        for phone in range(phones):
            round_number = number // phones
            second = round_number * every_s + (phone * 7919) % (_WALK_S + _SIT_S)
            lap, within_s = divmod(second, _WALK_S + _SIT_S)
            north_m = _PACE_MPS * (lap * _WALK_S + min(within_s, _WALK_S)) + 4 * math.sin(number)
            at = (
                datetime.now(UTC)
                if now
                else began_at + timedelta(seconds=round_number * every_s, milliseconds=phone % 997)
            )
            number += 1
            fix = Fix(
                fix_id=f"main:{number}",
                device_id=f"main:{phone}",
                fixed_at=at,
                device_at=at,
                server_at=at,
                latitude_deg=47 + north_m / _METRES_PER_DEGREE,
                longitude_deg=8 + phone * 1e-4,
                accuracy_m=8.0,
                speed_mps=_PACE_MPS if within_s < _WALK_S else 0.0,
                stored_at=at,
            )
            yield fix.device_id.encode(), encode_fix(fix)


def _producer(settings: Settings) -> Producer:
    return Producer(
        {"bootstrap.servers": settings.kafka_address, "linger.ms": 2, "queue.buffering.max.messages": 500_000}
    )


def _send(producer: Producer, settings: Settings, key: bytes, value: bytes) -> None:
    is_sent = False
    while not is_sent:
        try:
            producer.produce(settings.fixes_topic, value, key)
            is_sent = True
        except BufferError:
            producer.poll(0.05)


def _end_of_events(settings: Settings) -> Consumer:
    consumer = Consumer(
        {"bootstrap.servers": settings.kafka_address, "group.id": "benchmark", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([settings.events_topic])
    return consumer


def _latencies(consumer: Consumer, wait_s: float) -> list[tuple[float, float]]:
    """(when it was on Kafka, seconds since it could be known), for each event that has come."""
    taken = []
    while (message := consumer.poll(wait_s)) is not None:
        if not message.error():
            event = decode_event(message.value())
            at_s = message.timestamp()[1] / 1000
            taken.append((at_s, at_s - event.knowable_at.timestamp()))
        wait_s = 0
    return taken


def _judged(settings: Settings) -> float:
    return _metric(settings, "itrack_analytics_fixes_total")


def _metric(settings: Settings, name: str) -> float:
    text = httpx2.get(f"http://127.0.0.1:{settings.analytics_metrics_port}/metrics", timeout=10, trust_env=False).text
    return sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith((name + " ", name + "{"))
    )


def _cpu_s(job: psutil.Process) -> float:
    """CPU time of the job, its Java and its Python workers."""
    total = 0.0
    for process in [job, *job.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
