"""Running the training entry point here as SageMaker runs it there: the same folders, the same environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from itrack.errors import FixConfiguration
from ml.source import lay_out

__all__ = ["run_job", "train_folder"]

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
"""What the entry point gets of this process's environment: no settings, no credentials."""


def train_folder(opt_ml: Path) -> Path:
    """Where the training data goes below the folder that stands for `/opt/ml`; made if missing."""
    folder = opt_ml / "input" / "data" / "train"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_job(opt_ml: Path, hyperparameters: Mapping[str, object]) -> Path:
    """Train on what lies in `train_folder`; returns the folder of the model.

    Args:
        opt_ml: stands for `/opt/ml`.
        hyperparameters: by flag name without dashes in front.

    Raises:
        FixConfiguration: training failed; the message is the entry point's own sentence.
    """
    code, model, output = opt_ml / "code", opt_ml / "model", opt_ml / "output"
    config = opt_ml / "input" / "config"
    for folder in (model, output / "data", config):
        folder.mkdir(parents=True, exist_ok=True)
    lay_out(code)
    texts = {name: str(value) for name, value in hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(texts))
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "HOME": str(opt_ml),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SM_CHANNEL_TRAIN": str(train_folder(opt_ml)),
        "SM_CHANNELS": '["train"]',
        "SM_HPS": json.dumps(texts),
        "SM_MODEL_DIR": str(model),
        "SM_OUTPUT_DATA_DIR": str(output / "data"),
        "SM_OUTPUT_DIR": str(output),
    }
    flags = [f"--{name}={value}" for name, value in texts.items()]
    done = subprocess.run(
        [sys.executable, "train.py", *flags],
        cwd=code,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        failure = output / "failure"
        said = failure.read_text() if failure.exists() else done.stdout[-1000:] or f"exit status {done.returncode}"
        raise FixConfiguration(f"No model was trained. {said}")
    return model
