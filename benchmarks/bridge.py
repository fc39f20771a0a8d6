"""The bridge: how fast it takes a past from a stand-in Traccar, and the latency it adds at 300 fixes/s."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx2
import websocket
from pydantic import SecretStr
from pymongo.database import Database

from benchmarks.rig import own_stack, paced, percentiles, running_part, wait_for
from itrack.mongo import FIXES, Document, open_database
from simulator.stand_in.server import StandIn, stand_in_traccar
from streaming.change_stream import ChangeStream
from traccar_bridge.decode import decode_fix
from traccar_bridge.split import split_frame

_PHONES, _BACKLOG, _LIVE, _RATE_PER_S = 50, 10_000, 3_000, 300.0


def main() -> None:
    """Run it on a stack of its own and print the figures."""
    with own_stack() as settings, stand_in_traccar() as traccar, httpx2.Client() as phones:
        for number in range(_PHONES):
            traccar.add_device(f"phone-{number}")
        first_at_s = int(time.time()) - 1_000_000

        def send(number: int) -> None:
            query = {"id": f"phone-{number % _PHONES}", "lat": 47, "lon": 8, "timestamp": first_at_s + number}
            phones.get(traccar.osmand_url, params=query)

        paced(_BACKLOG, 1e9, send)
        database = open_database(settings, part="bench")
        sign_in = {"traccar_url": traccar.web_url, "traccar_token": SecretStr(traccar.token)}
        with running_part("bridge", settings, **sign_in) as process:
            wait_for(lambda: database[FIXES].estimated_document_count() >= _BACKLOG)
            rate_per_s = _BACKLOG / _storing_s(database)
            print(f"past of {_PHONES} phones: {rate_per_s:,.0f} fixes/s, the stand-in's work included")
            _print_latency(database, traccar, lambda number: send(_BACKLOG + number))
            print(f"memory: {process.memory_info().rss / 2**20:.0f} MiB")
        database.client.close()


def _storing_s(database: Database[Document]) -> float:
    """From the first fix stored to the last."""
    first, last = (database[FIXES].find_one(sort=[("stored_at", way)]) or {} for way in (1, -1))
    seconds: float = (last["stored_at"] - first["stored_at"]).total_seconds()
    return seconds


def _print_latency(database: Database[Document], traccar: StandIn, send: Callable[[int], None]) -> None:
    """Between a frame at a socket of our own and the fix in MongoDB's change stream."""
    pushed: dict[str, float] = {}
    visible: dict[str, float] = {}
    socket = websocket.create_connection(f"{traccar.web_url.replace('http', 'ws')}/api/socket?token={traccar.token}")
    socket.recv()

    def listen() -> None:
        while len(pushed) < _LIVE:
            frame = split_frame(socket.recv().encode())
            at_s = time.perf_counter()
            for raw in frame.positions:
                pushed.setdefault(decode_fix(raw, "main").fix_id, at_s)

    def watch(stream: ChangeStream) -> None:
        for batch in stream.batches():
            at_s = time.perf_counter()
            visible.update((document["_id"], at_s) for document in batch.documents)
            if len(visible) >= _LIVE:
                return

    with ChangeStream(database) as stream:
        threads = [threading.Thread(target=listen), threading.Thread(target=watch, args=(stream,))]
        for thread in threads:
            thread.start()
        paced(_LIVE, _RATE_PER_S, send)
        for thread in threads:
            thread.join()
    delays = [visible[fix_id] - pushed[fix_id] for fix_id in visible]
    print(f"socket frame to change stream at {_RATE_PER_S:.0f}/s: {percentiles(delays)}")
