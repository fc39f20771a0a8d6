"""What the commands of the local stack show a person."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.doctor import examine
from infra.stack import LocalStack
from infra.status import mongodb_uri, status
from itrack.errors import TryAgain
from itrack.settings import Settings

__all__ = ["Narrator", "run_stack", "show_doctor", "show_status", "until_asked_to_stop"]

_QUIET_S = 15.0
"""Where there is no terminal, the same topic is told again after so long."""


class Narrator:
    """Says what is going on: one changing line on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._status = self.console.status("")
        self._topic = ""
        self._said_s = 0.0

    def say(self, words: str) -> None:
        """Tell what is going on now; what stands before a colon is the topic, what follows may change quickly."""
        if self.console.is_terminal:
            self._status.update(escape(words))
            self._status.start()
            return
        topic = words.partition(":")[0]
        if topic != self._topic or time.monotonic() - self._said_s > _QUIET_S:
            self.console.print(escape(words), soft_wrap=True)
            self._topic, self._said_s = topic, time.monotonic()

    def tell(self, words: str) -> None:
        """Say something that stays on the screen."""
        self._status.stop()
        self.console.print(escape(words), soft_wrap=True)

    def quiet(self) -> None:
        """Take the changing line away."""
        self._status.stop()


@contextmanager
def until_asked_to_stop() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, in place of what they did before."""
    asked = threading.Event()
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_stack(settings: Settings) -> None:
    """Run the services until asked to stop.

    Raises:
        FixConfiguration, TryAgain: as `LocalStack`.
    """
    narrator = Narrator()
    try:
        with until_asked_to_stop() as asked, LocalStack(settings, narrator.say, asked) as stack:
            narrator.tell(
                f"MongoDB  {mongodb_uri(settings)}\n"
                f"Kafka    {settings.kafka_address}\n"
                f"S3       {settings.s3_address} (bucket {settings.s3_bucket})\n"
                f"Logs     {stack.workspace.logs}\n"
                "Ctrl-C stops them."
            )
            while not asked.wait(1.0):
                stack.require_alive()
    finally:
        narrator.quiet()


def show_status(settings: Settings, *, as_json: bool) -> bool:
    """Print what runs; True when all that must run is well."""
    answer = status(settings)
    if as_json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        return bool(answer["healthy"])
    table = Table(box=None, pad_edge=False)
    for heading in ("", "what", "how it is", "where"):
        table.add_column(heading)
    for name, each in {**answer["services"], **answer["parts"]}.items():
        mark = "[green]●[/]" if each["healthy"] else "[dim]○[/]" if each.get("optional") else "[red]○[/]"
        table.add_row(mark, name, each["detail"], each["address"])
    Console().print(table)
    return bool(answer["healthy"])


def show_doctor(settings: Settings) -> None:
    """Print each finding as it is made.

    Raises:
        TryAgain: something is wrong.
    """
    console = Console(highlight=False)
    problems = 0
    for finding in examine(settings):
        if finding.problem is None:
            console.print(f"[green]ok[/]       {finding.what}: {finding.seen}", soft_wrap=True)
        else:
            problems += 1
            console.print(f"[red]problem[/]  {finding.what}: {finding.problem}", soft_wrap=True)
    if problems:
        raise TryAgain(f"{problems} thing{'s' if problems > 1 else ''} to mend, named above.")
