"""Runs the export and the training as programs of their own, for the demo and the trial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from infra.parts import settings_environment
from infra.process import on_a_leash
from itrack.settings import Settings

__all__ = ["Answer", "DataProducts", "export_all_days", "train_on_all_days"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a program answered.

    Attributes:
        values: what it wrote with `--json`; empty when it wrote nothing.
        failure: its last words when it failed, None otherwise.
    """

    values: dict[str, Any]
    failure: str | None


def export_all_days(settings: Settings, asked: threading.Event) -> Answer:
    """`itrack export --all-days`, ended early when `asked` is set."""
    return _itrack(settings, asked, "export", "--all-days")


def train_on_all_days(settings: Settings, asked: threading.Event) -> Answer:
    """`itrack train --all`, ended early when `asked` is set."""
    return _itrack(settings, asked, "train", "--all")


class DataProducts:
    """Makes the data set and the model once, beside everything else, and has sentences to tell of it.

    Args:
        settings: where everything is.
        asked: when it is set, what is under way ends.
    """

    def __init__(self, settings: Settings, asked: threading.Event) -> None:
        self._settings = settings
        self._asked = asked
        self._news: SimpleQueue[str] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start_once(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._make, name="data-products", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Wait for what is under way to end; `asked` is set."""
        if self._thread is not None:
            self._thread.join(timeout=15)

    def news(self) -> list[str]:
        """Sentences since the last call."""
        sentences = []
        while True:
            try:
                sentences.append(self._news.get_nowait())
            except Empty:
                return sentences

    def _make(self) -> None:
        exported = export_all_days(self._settings, self._asked)
        if self._asked.is_set():
            return
        for day in exported.values.get("days", ()):
            for file in day["files"]:
                if file["format"] == "xlsx":
                    self._news.put(f"  workbook   s3://{self._settings.s3_bucket}/{file['key']}")
        if exported.failure:
            self._news.put(f"  The export failed: {exported.failure}")
            return
        trained = train_on_all_days(self._settings, self._asked)
        if self._asked.is_set():
            return
        self._news.put(
            f"  No model was trained: {trained.failure}"
            if trained.failure
            else f"  model      {trained.values.get('model_uri')}"
        )


def _itrack(settings: Settings, asked: threading.Event, *arguments: str) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        file, said = Path(folder) / "answer.json", Path(folder) / "said.txt"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "itrack", *arguments, "--json", str(file)],
                env={**os.environ, **settings_environment(settings)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=on_a_leash(),  # noqa: PLW1509 - one system call, nothing that could wait for a thread
            )
        while process.poll() is None and not asked.wait(0.2):
            pass
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
        values = json.loads(file.read_text()) if file.exists() else {}
        words = said.read_text(errors="replace").strip().splitlines()
    status = process.returncode
    failure = (words[-1] if words else f"it ended with status {status}") if status else None
    return Answer(values=values, failure=failure)
