"""How long a fix takes from the phone's report to the map, and an event to its reader, with the whole line running.

60 simulated people report at 100 fixes a second over all. The bar: the map within 1 s, an event within 5 s of the
moment it can be known.
"""

from __future__ import annotations

import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from infra.line import start_line
from infra.senders import RecordedTracks
from infra.stack import LocalStack
from infra.trial import Outcome, Sent, run_trial
from itrack.settings import load_settings
from simulator.simulate import make_crowd
from simulator.tracks import Track

_PEOPLE, _HOURS, _RATE_PER_S = 60, 2.0, 100.0


def main() -> None:
    """Run it on a stack of its own and print the percentiles."""
    outcome = _measure()
    print(f"{outcome.fixes_sent} fixes at {_RATE_PER_S:.0f}/s, lost {outcome.lost}, problems {outcome.problems}")
    for name, bar in (("osmand_to_map", 1000), ("fix_to_event", 5000)):
        shown = ", ".join(f"{percentile} {value} ms" for percentile, value in outcome.latency_ms[name].items())
        print(f"{name:14} {shown} (bar {bar} ms)")
    print(f"peak memory    {outcome.peak_rss_mib} MiB (bar 4096 MiB)")


def _measure() -> Outcome:
    settings = load_settings()
    jars = settings.home.expanduser().resolve() / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "jars").symlink_to(jars)
        settings = load_settings(home=home, port_offset=settings.port_offset + 500)
        crowd = make_crowd(_PEOPLE, _HOURS, seed=1, now=datetime.now(UTC))
        tracks = [
            Track(name=unique_id, points=tuple(report.point for report in plan))
            for unique_id, plan in crowd.plans.items()
        ]
        with LocalStack(settings) as stack:
            start_line(stack)
            stack.wait_ready()
            sender = RecordedTracks(tracks, settings, _RATE_PER_S)

            def send() -> Sent:
                sender.start()
                while not sender.wait(1.0):
                    stack.require_alive()
                if sender.failure is not None:
                    raise sender.failure
                return Sent(sent=sender.sent, accepted=sender.accepted)

            return run_trial(stack, send, lambda _words: None, threading.Event())
