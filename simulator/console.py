"""What `itrack replay` and `itrack simulate` show: a progress bar on a terminal, and a summary in sentences."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from itrack.settings import Settings
from simulator.delivery import Delivery
from simulator.osmand_forms import Form
from simulator.registration import Registration
from simulator.replay import Pace, replay
from simulator.track_files import read_track_files
from simulator.tracks import Problem

__all__ = ["progress_bar", "replay_command", "say_registration", "stop_on_signal"]

_SHOWN_PROBLEMS = 5


def replay_command(
    files: Sequence[Path],
    settings: Settings,
    *,
    pace: Pace,
    shift_to_now: bool,
    device_prefix: str,
    form: Form,
    register: bool,
) -> bool:
    """Replay files, show how it goes; True when everything sent was accepted.

    Raises:
        TryAgain: Traccar stayed away.
        FixConfiguration: a file is not there, or Traccar refuses the sign-in.
    """
    console = Console(stderr=True)
    read = read_track_files(files)
    _say_problems(console, read.problems)
    if not read.tracks:
        console.print("Nothing to send: no point in these files can be used.")
        return False
    planned = sum(len(track.points) for track in read.tracks)
    console.print(f"Sending {planned} points of {len(read.tracks)} phones to {settings.osmand_address}")
    with stop_on_signal() as stopping, progress_bar(console, planned) as on_progress:
        result = replay(
            read.tracks,
            settings,
            pace=pace,
            shift_to_now=shift_to_now,
            device_prefix=device_prefix,
            form=form,
            register=register,
            on_progress=on_progress,
            stopping=stopping,
        )
    say_registration(console, result.registration)
    console.print(
        f"Sent {result.sent}: accepted {result.accepted}, refused {result.refused}{_reasons(result.reasons)}; "
        f"left out {len(read.problems)} of the files; unsent {result.unsent}."
    )
    return result.refused == 0


@contextmanager
def progress_bar(console: Console, planned: int) -> Iterator[Callable[[Delivery], None]]:
    """A bar of judged reports; nothing where the output is no terminal."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=planned)

        def show(delivery: Delivery) -> None:
            refused = delivery.refused.total()
            progress.update(task, completed=delivery.sent, description=f"{refused} refused" if refused else "")

        yield show


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set."""
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say_registration(console: Console, registration: Registration) -> None:
    """Tell what came of registering phones."""
    if registration.sentence:
        console.print(registration.sentence)
    if registration.created:
        console.print(f"Registered {registration.created} phones with Traccar.")
    if registration.refused:
        console.print(
            f"Traccar refused to register {len(registration.refused)} phones (do they belong to another user, or is "
            f"the user's device limit reached?), first {escape(repr(registration.refused[0]))}."
        )


def _say_problems(console: Console, problems: Iterable[Problem]) -> None:
    by_reason: dict[str, list[Problem]] = {}
    for problem in problems:
        by_reason.setdefault(problem.reason, []).append(problem)
    for found in by_reason.values():
        for problem in found[:_SHOWN_PROBLEMS]:
            console.print(escape(problem.sentence), highlight=False)
        if len(found) > _SHOWN_PROBLEMS:
            console.print(f"… and {len(found) - _SHOWN_PROBLEMS} more of this kind.")


def _reasons(reasons: dict[str, int]) -> str:
    words = {
        "400": "400, Traccar does not know the phone or the report",
        "404": "404, Traccar does not know the phone",
        "closed": "closed without an answer, the report is malformed or the device disabled",
    }
    listed = "; ".join(f"{words.get(reason, reason)}: {count}" for reason, count in Counter(reasons).most_common())
    return f" ({listed})" if listed else ""
