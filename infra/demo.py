"""`itrack demo`: the whole line on this machine, with somebody walking through it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from infra.console import Narrator, until_asked_to_stop
from infra.line import start_line
from infra.stack import LocalStack
from infra.trial import Outcome, Sent, run_trial
from itrack.errors import TryAgain
from itrack.settings import Settings
from simulator.replay import Pace, replay
from simulator.track_files import read_track_files

__all__ = ["run_once"]


def run_once(settings: Settings, files: Sequence[Path], rate_per_s: float, json_file: Path | None) -> None:
    """Start everything, send tracks once, wait until all has arrived everywhere, compare the counts, stop everything.

    Args:
        settings: where everything listens.
        files: recorded tracks; simulated people when there are none.
        rate_per_s: reports sent per second.
        json_file: the counts are written here, complete or not at all.

    Raises:
        TryAgain: the counts disagree, or a program died.
        FixConfiguration: as `LocalStack`.
    """
    narrator = Narrator()
    read = read_track_files(files)
    for problem in read.problems:
        narrator.tell(f"not sent: {problem.where}: {problem.sentence}")
    try:
        with until_asked_to_stop() as asked, LocalStack(settings, narrator.say, asked) as stack:
            start_line(stack)
            narrator.tell(f"live map: {settings.map_address}")

            def send() -> Sent:
                result = replay(
                    read.tracks,
                    settings,
                    pace=Pace(rate=rate_per_s),
                    on_progress=lambda now: narrator.say(f"replaying: {now.sent} of {now.planned} fixes sent"),
                    stopping=asked,
                )
                return Sent(sent=result.sent, accepted=result.accepted)

            outcome = run_trial(stack, send, narrator.say)
    finally:
        narrator.quiet()
    _write(outcome, json_file)
    if outcome.problems:
        raise TryAgain(f"The counts do not agree: {'; '.join(outcome.problems)}.")


def _write(outcome: Outcome, json_file: Path | None) -> None:
    content = msgspec.json.format(msgspec.json.encode(outcome), indent=2) + b"\n"
    if json_file is None:
        sys.stdout.buffer.write(content)
        return
    partial = json_file.with_name(f"{json_file.name}.partial")
    partial.write_bytes(content)
    partial.replace(json_file)
