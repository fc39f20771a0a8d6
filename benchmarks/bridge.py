"""The bridge: how fast it takes a backlog from a stand-in Traccar, the latency it adds, and what it asks of Traccar."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx2
import psutil
import websocket
from pydantic import SecretStr
from pymongo.database import Database

from benchmarks.bridge_load import print_load
from benchmarks.rig import own_stack, paced, percentiles, running_part, wait_for
from itrack.mongo import BOOKMARKS, FIXES, Document, open_database
from itrack.settings import Settings
from simulator.stand_in.server import StandIn, stand_in_traccar
from streaming.change_stream import ChangeStream
from traccar_bridge.decode import decode_fix
from traccar_bridge.split import split_frame

_PHONES, _OF_EACH, _LIVE, _RATE_PER_S = 50, 600, 6_000, 300.0
_BACKLOG = _PHONES * _OF_EACH


def main() -> None:
    """Run it on a stack of its own and print the figures."""
    with own_stack() as stack, stand_in_traccar() as traccar:
        for number in range(_PHONES):
            traccar.add_device(f"phone-{number}")
        settings = stack.model_copy(update={"traccar_url": traccar.web_url, "traccar_token": SecretStr(traccar.token)})
        database = open_database(settings, part="bench")
        print("rates hold the stand-in's work, which is more than the bridge's; CPU is of the bridge alone")
        first_at_s = int(time.time()) - 1_000_000
        with running_part("bridge", settings) as process:
            start_cpu_s = _cpu_s(process)
        database[BOOKMARKS].delete_many({})
        _print_backlog(
            "past, by device and time", settings, database, traccar, first_at_s=first_at_s, start_cpu_s=start_cpu_s
        )
        with running_part("bridge", settings) as process:
            _print_latency(database, traccar, first_at_s + 3 * _BACKLOG, process)
        _print_backlog(
            "missed, by id", settings, database, traccar, first_at_s=first_at_s + _BACKLOG, start_cpu_s=start_cpu_s
        )
        database.client.close()
    print_load()


def _print_backlog(
    name: str,
    settings: Settings,
    database: Database[Document],
    traccar: StandIn,
    *,
    first_at_s: int,
    start_cpu_s: float,
) -> None:
    """Store a backlog while no bridge runs, start one, and take the time from the first fix it stores to the last."""
    stored = database[FIXES].count_documents({})
    for number in range(_PHONES):
        traccar.store_past(number + 1, range(first_at_s + number, first_at_s + _BACKLOG, _PHONES))
    began_at = database.client.admin.command("hello")["localTime"]
    with running_part("bridge", settings) as process:
        wait_for(lambda: database[FIXES].estimated_document_count() >= stored + _BACKLOG)
        cpu_us = (_cpu_s(process) - start_cpu_s) / _BACKLOG * 1e6
        new = {"stored_at": {"$gte": began_at}}
        first, last = (database[FIXES].find_one(new, sort=[("stored_at", way)]) or {} for way in (1, -1))
        took_s = (last["stored_at"] - first["stored_at"]).total_seconds()
        print(f"{name:26}: {_BACKLOG / took_s:,.0f} fixes/s, {cpu_us:.0f} µs CPU a fix", flush=True)


def _print_latency(database: Database[Document], traccar: StandIn, first_at_s: int, process: psutil.Process) -> None:
    """Between a frame at a socket of our own and the fix in MongoDB's change stream."""
    pushed: dict[str, float] = {}
    visible: dict[str, float] = {}
    socket = websocket.create_connection(f"{traccar.web_url.replace('http', 'ws')}/api/socket?token={traccar.token}")
    known = {decode_fix(raw, "main").fix_id for raw in split_frame(socket.recv().encode()).positions}

    def listen() -> None:
        while len(pushed) < _LIVE:
            frame = split_frame(socket.recv().encode())
            at_s = time.perf_counter()
            pushed.update((decode_fix(raw, "main").fix_id, at_s) for raw in frame.positions)

    def watch(stream: ChangeStream) -> None:
        for batch in stream.batches():
            at_s = time.perf_counter()
            visible.update((document["_id"], at_s) for document in batch.documents if document["_id"] not in known)
            if len(visible) >= _LIVE:
                return

    with ChangeStream(database) as stream, httpx2.Client() as phones:
        threads = [threading.Thread(target=listen), threading.Thread(target=watch, args=(stream,))]
        for thread in threads:
            thread.start()
        cpu_s = _cpu_s(process)
        paced(_LIVE, _RATE_PER_S, _sender(phones, traccar, first_at_s))
        for thread in threads:
            thread.join()
        cpu_us = (_cpu_s(process) - cpu_s) / _LIVE * 1e6
    delays = [visible[fix_id] - pushed[fix_id] for fix_id in visible]
    print(f"added at {_RATE_PER_S:.0f} fixes/s{'':7}: {percentiles(delays)}, {cpu_us:.0f} µs CPU a fix", flush=True)
    print(f"memory{'':20}: {process.memory_info().rss / 2**20:.0f} MiB", flush=True)


def _sender(phones: httpx2.Client, traccar: StandIn, first_at_s: int) -> Callable[[int], None]:
    def send(number: int) -> None:
        query = {"id": f"phone-{number % _PHONES}", "lat": 47, "lon": 8, "timestamp": first_at_s + number}
        phones.get(traccar.osmand_url, params=query)

    return send


def _cpu_s(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))
