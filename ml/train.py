"""The SageMaker entry point that trains the model of unusual movement.

Script mode's contract, and nothing of its SDK: data in `SM_CHANNEL_TRAIN`, the model to `SM_MODEL_DIR`, other
output to `SM_OUTPUT_DATA_DIR`, hyperparameters as flags or in `SM_HPS`, a sentence in the file `failure` and a
non-zero exit status when it does not work. Depends on numpy, pyarrow, scikit-learn and skops only.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.evaluation import evaluate, feature_ranges, hold_out_days
from ml.features import Windows, join
from ml.fixes import windows_of_parquet
from ml.model import fit, save

__all__ = ["TooLittleData", "main", "train"]

log = logging.getLogger("train")


class TooLittleData(Exception):
    """There are too few windows to learn from."""


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Train; returns the exit status."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    options = _options(arguments, environment)
    try:
        train(options)
    except Exception as error:
        sentence = f"{type(error).__name__}: {error}"
        options.output_data_dir.parent.mkdir(parents=True, exist_ok=True)
        (options.output_data_dir.parent / "failure").write_text(sentence)
        if not isinstance(error, TooLittleData):
            log.exception("training failed")
        return 1
    return 0


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Read, hold out, fit, evaluate, write; returns the metrics as written.

    Raises:
        TooLittleData: fewer windows than `min_windows` to learn from.
        ValueError: a file is not one of fixes.
    """
    windows, files, fixes = _read(options.train)
    held_out = hold_out_days(windows, options.holdout_share)
    learnt = windows.take(~held_out)
    if len(learnt) < options.min_windows:
        raise TooLittleData(
            f"{fixes} fixes in {files} files make {len(learnt)} windows of movement to learn from, "
            f"{options.min_windows} are needed: export more days, then train again."
        )
    model = fit(learnt, trees=options.trees, unusual_share=options.unusual_share, seed=options.seed)
    metrics: dict[str, Any] = {
        "fixes": fixes,
        "fixes_left_out": windows.fixes_left_out,
        "users": len(np.unique(windows.device_id.astype(str))),
        "windows": len(windows),
        "windows_learnt": len(learnt),
        "features": feature_ranges(learnt),
        "score_percentiles": {f"p{at}": model.card.score_percentiles[at] for at in (5, 25, 50, 75, 95, 99)},
        "holdout": evaluate(model, windows.take(held_out)),
        "hyperparameters": {
            name: getattr(options, name) for name in ("trees", "unusual_share", "holdout_share", "min_windows", "seed")
        },
    }
    options.model_dir.mkdir(parents=True, exist_ok=True)
    options.output_data_dir.mkdir(parents=True, exist_ok=True)
    card = save(model, options.model_dir)
    text = json.dumps(metrics | {"libraries": card.libraries}, indent=2) + "\n"
    (options.model_dir / "metrics.json").write_text(text)
    (options.output_data_dir / "metrics.json").write_text(text)
    log.info("windows_learnt=%d; users=%d;", metrics["windows_learnt"], metrics["users"])
    if metrics["holdout"]:
        log.info("holdout_flagged_share=%.4f;", metrics["holdout"]["flagged_share"])
    return metrics


def _read(folder: Path) -> tuple[Windows, int, int]:
    """The windows of every file of fixes below a folder, file by file; how many files and fixes there were."""
    paths = sorted(folder.rglob("fixes*.parquet"))
    parts, fixes = [], 0
    for path in paths:
        part, count = windows_of_parquet(path)
        parts.append(part)
        fixes += count
    return join(parts), len(paths), fixes


def _options(arguments: list[str], environment: Mapping[str, str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the model of unusual movement.")
    parser.add_argument("--trees", type=int, default=200, help="trees of the forest")
    parser.add_argument("--unusual-share", type=float, default=0.01, help="share of windows that may be unusual")
    parser.add_argument("--holdout-share", type=float, default=0.25, help="share of the days kept for evaluation")
    parser.add_argument("--min-windows", type=int, default=30, help="least windows to learn from")
    parser.add_argument("--seed", type=int, default=7, help="the same seed and data give the same model")
    parser.add_argument("--train", type=Path, default=_folder(environment, "SM_CHANNEL_TRAIN", "input/data/train"))
    parser.add_argument("--model-dir", type=Path, default=_folder(environment, "SM_MODEL_DIR", "model"))
    parser.add_argument(
        "--output-data-dir", type=Path, default=_folder(environment, "SM_OUTPUT_DATA_DIR", "output/data")
    )
    given = {name.replace("-", "_"): value for name, value in json.loads(environment.get("SM_HPS", "{}")).items()}
    known = {action.dest for action in parser._actions}  # noqa: SLF001 - argparse has no public list
    parser.set_defaults(**{name: str(value) for name, value in given.items() if name in known})
    return parser.parse_known_args(arguments)[0]


def _folder(environment: Mapping[str, str], name: str, default: str) -> Path:
    return Path(environment.get(name, f"/opt/ml/{default}"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
