"""What `itrack replay` and `itrack simulate` show: a progress bar on a terminal, and a summary in sentences."""

from __future__ import annotations

import math
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from itrack.errors import FixConfiguration
from itrack.settings import Settings
from simulator.delivery import Delivery
from simulator.osmand_forms import Form
from simulator.registration import Registration
from simulator.replay import Pace, replay
from simulator.simulate import make_crowd, simulate
from simulator.track_files import read_track_files
from simulator.tracks import Problem

__all__ = ["place_of", "replay_command", "simulate_command"]

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
    console = Console(stderr=True, soft_wrap=True)
    read = read_track_files(files)
    _say_problems(console, read.problems)
    if not read.tracks:
        console.print("Nothing to send: no point in these files can be used.")
        return False
    planned = sum(len(track.points) for track in read.tracks)
    console.print(f"Sending {planned} points of {len(read.tracks)} phones to {settings.osmand_address}")
    with _stop_on_signal() as stopping, _progress_bar(console, planned) as on_progress:
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
    _say_registration(console, result.registration)
    console.print(
        f"Sent {result.sent}: accepted {result.accepted}, refused {result.refused}{_reasons(result.reasons)}; "
        f"left out {len(read.problems)} of the files; unsent {result.unsent}."
    )
    return result.refused == 0


def simulate_command(
    settings: Settings,
    *,
    people: int,
    hours: float,
    speed: float,
    seed: int,
    device_prefix: str,
    centre: tuple[float, float],
    form: Form,
    register: bool,
    truth_file: Path | None,
) -> bool:
    """Let people walk, show how it goes; True when everything sent was accepted.

    Raises:
        TryAgain: Traccar did not answer while the phones were to be registered.
        FixConfiguration: Traccar refuses the sign-in.
    """
    console = Console(stderr=True, soft_wrap=True)
    now = datetime.now(UTC)
    crowd = make_crowd(people, hours, seed=seed, now=now, speed=speed, device_prefix=device_prefix, centre=centre)
    if truth_file is not None:
        truth_file.write_bytes(msgspec.json.format(msgspec.json.encode(crowd.truths)))
    planned = sum(len(plan) for plan in crowd.plans.values())
    console.print(
        f"{people} people are out for {hours:g} h, told in {hours / speed * 60:.1f} min: {planned} reports to "
        f"{settings.osmand_address}"
    )
    with _stop_on_signal() as stopping, _progress_bar(console, planned) as on_progress:
        result = simulate(crowd, settings, form=form, register=register, on_progress=on_progress, stopping=stopping)
    _say_registration(console, result.registration)
    delivery = result.delivery
    console.print(
        f"Sent {delivery.sent}: accepted {delivery.accepted}, refused {delivery.refused.total()}"
        f"{_reasons(dict(delivery.refused))}; unsent {delivery.unsent}."
    )
    return not delivery.refused


def place_of(text: str) -> tuple[float, float]:
    """Read `latitude,longitude`.

    Raises:
        FixConfiguration: it is something else.
    """
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        latitude = longitude = math.nan
    if not (-80 <= latitude <= 80 and -180 <= longitude <= 180):
        raise FixConfiguration(f"--centre {text} is no latitude,longitude between -80 and 80 degrees of latitude.")
    return latitude, longitude


@contextmanager
def _progress_bar(console: Console, planned: int) -> Iterator[Callable[[Delivery], None]]:
    """A bar of judged reports; nothing where the output is no terminal."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=planned)

        def show(delivery: Delivery) -> None:
            refused = delivery.refused.total()
            progress.update(task, completed=delivery.sent, description=f"{refused} refused" if refused else "")

        yield show


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
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


def _say_registration(console: Console, registration: Registration) -> None:
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
