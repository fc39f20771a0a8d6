"""Runs the export and the training as programs of their own, for the demo and the trial."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from infra.parts import settings_environment
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


def export_all_days(settings: Settings) -> Answer:
    """`itrack export --all-days`."""
    return _itrack(settings, "export", "--all-days")


def train_on_all_days(settings: Settings) -> Answer:
    """`itrack train --all`."""
    return _itrack(settings, "train", "--all")


class DataProducts:
    """Makes the data set and the model once, beside everything else, and has sentences to tell of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._news: SimpleQueue[str] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start_once(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._make, name="data-products", daemon=True)
            self._thread.start()

    def news(self) -> list[str]:
        """Sentences since the last call."""
        sentences = []
        while True:
            try:
                sentences.append(self._news.get_nowait())
            except Empty:
                return sentences

    def _make(self) -> None:
        exported = export_all_days(self._settings)
        for day in exported.values.get("days", ()):
            for file in day["files"]:
                if file["format"] == "xlsx":
                    self._news.put(f"  workbook   s3://{self._settings.s3_bucket}/{file['key']}")
        if exported.failure:
            self._news.put(f"  The export failed: {exported.failure}")
            return
        trained = train_on_all_days(self._settings)
        self._news.put(
            f"  No model was trained: {trained.failure}"
            if trained.failure
            else f"  model      {trained.values.get('model_uri')}"
        )


def _itrack(settings: Settings, *arguments: str) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.json"
        done = subprocess.run(
            [sys.executable, "-m", "itrack", *arguments, "--json", str(file)],
            env={**os.environ, **settings_environment(settings)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        values = json.loads(file.read_text()) if file.exists() else {}
    words = (done.stderr or done.stdout).strip().splitlines()
    failure = (words[-1] if words else f"it ended with status {done.returncode}") if done.returncode else None
    return Answer(values=values, failure=failure)
