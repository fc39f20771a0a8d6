"""How many requests the bridge makes to Traccar, for a small and a large fleet that rests, walks, and sends late.

In life's own time, with the default periods: a few minutes of each, told as requests an hour.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable

import httpx2
from pydantic import SecretStr

from benchmarks.rig import own_stack, paced, running_part, wait_for
from itrack.mongo import FIXES, open_database
from itrack.settings import Settings
from simulator.stand_in.server import StandIn, stand_in_traccar

__all__ = ["print_load"]

_FLEETS = (20, 1_000)
_REPORT_EVERY_S = 30.0
_FOR_S = 120.0
_LATE = 0.1


def print_load() -> None:
    """Run it and print requests an hour, for the server and for each device."""
    print(f"load on Traccar, each phone reporting every {_REPORT_EVERY_S:.0f} s; late: {_LATE:.0%} of the reports")
    for size in _FLEETS:
        with own_stack() as stack, stand_in_traccar() as traccar:
            for number in range(size):
                traccar.add_device(f"phone-{number}")
            sign_in = {"traccar_url": traccar.web_url, "traccar_token": SecretStr(traccar.token)}
            _print_fleet(size, stack.model_copy(update=sign_in), traccar)


def _print_fleet(size: int, settings: Settings, traccar: StandIn) -> None:
    database = open_database(settings, part="bench")
    with running_part("bridge", settings), httpx2.Client() as phones:
        for name, share_late in (("idle", None), ("live", 0.0), ("late", _LATE)):
            before = _requests(settings)
            if share_late is None:
                time.sleep(_FOR_S)
            else:
                rate_per_s = size / _REPORT_EVERY_S
                paced(int(_FOR_S * rate_per_s), rate_per_s, _sender(phones, traccar, size, share_late))
            made = _requests(settings) - before
            an_hour = {what: count / _FOR_S * 3600 for what, count in made.items()}
            kinds = ", ".join(f"{what} {count:,.0f}" for what, count in sorted(an_hour.items()))
            total = sum(an_hour.values())
            print(
                f"{size:5} phones {name}: {total:6,.0f} an hour, {total / size:7.2f} a device-hour ({kinds})",
                flush=True,
            )
            stored = len(traccar.stored_positions())
            wait_for(lambda stored=stored: database[FIXES].estimated_document_count() >= stored)
    database.client.close()


def _sender(phones: httpx2.Client, traccar: StandIn, size: int, share_late: float) -> Callable[[int], None]:
    chance = random.Random(size)  # noqa: S311 - which reports are late

    def send(number: int) -> None:
        late_s = chance.randrange(60, 86_400) if chance.random() < share_late else 0
        query = {"id": f"phone-{number % size}", "lat": 47, "lon": 8, "timestamp": int(time.time()) - late_s}
        phones.get(traccar.osmand_url, params=query)

    return send


def _requests(settings: Settings) -> Counter[str]:
    text = httpx2.get(f"http://127.0.0.1:{settings.bridge_metrics_port}/metrics").text
    found = re.findall(r'^itrack_bridge_requests_total\{what="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return Counter({what: int(float(count)) for what, count in found})
