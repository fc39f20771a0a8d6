"""`itrack demo`: the whole line on this machine, with somebody walking through it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from infra.console import Narrator, until_asked_to_stop
from infra.data_products import DataProducts
from infra.line import start_line
from infra.pulse import Pulse
from infra.senders import RecordedTracks, Sender
from infra.stack import LocalStack
from infra.trial import Sent, run_trial
from infra.walkers import DemoWalkers
from itrack.errors import TryAgain
from itrack.report_file import report, require_writable, write_report
from itrack.settings import Settings
from simulator.track_files import read_track_files
from simulator.tracks import Track

__all__ = ["run_demo", "run_once"]


def run_demo(settings: Settings, files: Sequence[Path], rate_per_s: float) -> None:
    """Start everything and let people walk until asked to stop; export and train once history has arrived.

    Args:
        settings: where everything listens.
        files: recorded tracks to replay; simulated people when there are none.
        rate_per_s: recorded reports sent per second.

    Raises:
        TryAgain: a program died.
        FixConfiguration: as `LocalStack`, or a file cannot be read.
    """
    narrator = Narrator()
    tracks = _read(files, narrator)
    try:
        with until_asked_to_stop() as asked, LocalStack(settings, narrator.say, asked) as stack:
            start_line(stack)
            sender: Sender = (
                RecordedTracks(tracks, settings, rate_per_s) if files else DemoWalkers(settings, stack.workspace)
            )
            narrator.tell(
                f"\n  live map   {settings.map_address}\n"
                f"  data       {settings.s3_address}, bucket {settings.s3_bucket}\n"
                f"  logs       {stack.workspace.logs}\n"
                "\nitrack status shows the rest. Ctrl-C stops everything.\n"
            )
            narrator.say("waiting for the analytics to warm up")
            stack.wait_ready()
            sender.start()
            try:
                _watch(stack, sender, narrator, asked)
            finally:
                sender.stop()
    finally:
        narrator.quiet()


def run_once(settings: Settings, files: Sequence[Path], rate_per_s: float, json_file: Path | None) -> None:
    """Start everything, send tracks once, wait until all has arrived everywhere, compare the counts, stop everything.

    Args:
        settings: where everything listens.
        files: recorded tracks; the history of simulated people when there are none.
        rate_per_s: recorded reports sent per second.
        json_file: the counts are written here, complete or not at all; None writes them to standard output.

    Raises:
        TryAgain: the counts disagree, or a program died.
        FixConfiguration: as `LocalStack`, or a file cannot be read or written.
    """
    if json_file is not None:
        require_writable(json_file)
    narrator = Narrator()
    tracks = _read(files, narrator)
    try:
        with until_asked_to_stop() as asked, LocalStack(settings, narrator.say, asked) as stack:
            start_line(stack)
            stack.wait_ready()
            sender: Sender = (
                RecordedTracks(tracks, settings, rate_per_s)
                if files
                else DemoWalkers(settings, stack.workspace, history_only=True)
            )

            def send() -> Sent:
                sender.start()
                while not sender.wait(0.5):
                    stack.require_alive()
                    narrator.say(f"sending: {sender.sent} of {sender.history} fixes")
                    if asked.is_set():
                        sender.stop()
                        raise TryAgain("Stopped before everything was sent.")
                if sender.failure is not None:
                    raise sender.failure
                return Sent(sent=sender.sent, accepted=sender.accepted)

            outcome = run_trial(stack, send, narrator.say, asked)
    finally:
        narrator.quiet()
    if json_file is None:
        sys.stdout.buffer.write(report(outcome))
    else:
        write_report(json_file, outcome)
    if outcome.problems:
        raise TryAgain(f"The counts do not agree: {'; '.join(outcome.problems)}.")


def _watch(stack: LocalStack, sender: Sender, narrator: Narrator, asked: threading.Event) -> None:
    """Show what flows; once history has arrived, make the data set and the model."""
    products = DataProducts(stack.settings, asked)
    with Pulse(stack) as pulse:
        while not asked.wait(1.0):
            stack.require_alive()
            if sender.failure is not None:
                raise sender.failure
            seen = pulse.look(sender.sent)
            narrator.say(seen.sentence())
            if sender.sent >= sender.history > 0 and seen.stored >= sender.history:
                products.start_once()
            for sentence in products.news():
                narrator.tell(sentence)
    products.stop()


def _read(files: Sequence[Path], narrator: Narrator) -> Sequence[Track]:
    read = read_track_files(files)
    for problem in read.problems:
        narrator.tell(f"not sent: {problem.where}: {problem.sentence}")
    if files and not read.tracks:
        raise TryAgain("Nothing to send: no point in these files can be used.")
    return read.tracks
