"""`make soak`: bridge and producer at 500 fixes a second for an hour: is memory flat, and everything published?

Simulated phones report to a stand-in Traccar. Each minute the memory of both parts is printed; in the end the slope
after a warm-up, and how many fixes are stored and published. SOAK_MINUTES sets how long.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection

import psutil
from pydantic import SecretStr

from benchmarks.rig import own_stack, paced, running_part, wait_for
from infra.census import take_census
from itrack.mongo import FIXES, open_database
from simulator.stand_in.server import StandIn, stand_in_traccar

_PHONES, _RATE_PER_S, _SENDERS = 200, 500.0, 4
_SAMPLE_EVERY_S, _PRINT_EVERY_S = 5.0, 60.0
_WARM_UP = 0.25
_FLAT_MIB_PER_HOUR = 10.0


def main() -> None:
    """Run it on a stack of its own and print the verdict."""
    minutes = float(os.environ.get("SOAK_MINUTES", "60"))
    began_at = datetime.now(UTC)
    with own_stack() as settings, stand_in_traccar() as traccar:
        for number in range(_PHONES):
            traccar.add_device(f"phone-{number}")
        sign_in = {"traccar_url": traccar.web_url, "traccar_token": SecretStr(traccar.token)}
        with running_part("bridge", settings, **sign_in) as bridge, running_part("producer", settings) as producer:
            count = int(minutes * 60 * _RATE_PER_S)
            samples = _watched({"bridge": bridge, "producer": producer}, traccar, count)
            with closing(open_database(settings, part="bench").client) as client:
                fixes = client[settings.mongodb_database][FIXES]
                wait_for(lambda: fixes.estimated_document_count() >= count)
            wait_for(lambda: take_census(settings, began_at).published >= take_census(settings, began_at).stored)
        census = take_census(settings, began_at)
    print(f"sent {count:,}, stored {len(census.stored):,}, published {len(census.published):,} in {census.messages:,}")
    slopes = {name: _mib_per_hour(of_part) for name, of_part in samples.items()}
    is_whole = len(census.stored) == count and census.stored == census.published
    is_flat = all(slope < _FLAT_MIB_PER_HOUR for slope in slopes.values())
    shown = ", ".join(f"{name} {slope:+.1f}" for name, slope in slopes.items())
    print(
        f"verdict: {'flat' if is_flat else 'NOT flat'} (MiB an hour after the first {_WARM_UP:.0%}: {shown}; "
        f"bar {_FLAT_MIB_PER_HOUR:.0f}), {'complete' if is_whole else 'NOT complete'}"
    )


def _watched(parts: dict[str, psutil.Process], traccar: StandIn, count: int) -> dict[str, list[tuple[float, float]]]:
    """Let the phones report, and look at memory meanwhile: for each part, seconds since the beginning and MiB."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
    first_at_s = int(time.time()) - count // _PHONES
    senders = [threading.Thread(target=_send, args=(traccar, share, count, first_at_s)) for share in range(_SENDERS)]
    began_s = printed_s = time.monotonic()
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        time.sleep(_SAMPLE_EVERY_S)
        now_s = time.monotonic()
        for name, process in parts.items():
            samples[name].append((now_s - began_s, process.memory_info().rss / 2**20))
        if now_s - printed_s >= _PRINT_EVERY_S:
            printed_s = now_s
            memory = ", ".join(f"{name} {of_part[-1][1]:.1f} MiB" for name, of_part in samples.items())
            print(f"{(now_s - began_s) / 60:4.0f} min, {traccar.received:,} sent, {memory}", flush=True)
    print(f"sent at {count / (time.monotonic() - began_s):.0f} fixes/s")
    return samples


def _send(traccar: StandIn, share: int, count: int, first_at_s: int) -> None:
    """One sender's share of all reports; a phone's times rise by a second each."""
    with closing(HTTPConnection("127.0.0.1", traccar.osmand_port)) as connection:

        def report(number: int) -> None:
            step, phone = divmod(number * _SENDERS + share, _PHONES)
            connection.request("GET", f"/?id=phone-{phone}&lat=47&lon=8&accuracy=10&timestamp={first_at_s + step}")
            connection.getresponse().read()

        paced(count // _SENDERS, _RATE_PER_S / _SENDERS, report)


def _mib_per_hour(samples: list[tuple[float, float]]) -> float:
    """Slope of the straight line through the samples after the warm-up."""
    late = [sample for sample in samples if sample[0] >= _WARM_UP * samples[-1][0]]
    slope, _ = statistics.linear_regression(*zip(*late, strict=True))
    return slope * 3600
