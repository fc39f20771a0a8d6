"""Training on exported days: from the data set on S3 to a model on S3."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from itrack.day import Day
from itrack.errors import FixConfiguration
from itrack.s3 import ensure_bucket, open_s3
from itrack.settings import Settings, load_settings
from ml.dataset import exported_days, fetch_fixes
from ml.job import run_job, train_folder
from ml.registry import ModelManifest, publish

__all__ = ["TrainingResult", "run"]


class TrainingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What training made.

    Attributes:
        model_uri: `s3://bucket/…/model.tar.gz`, as SageMaker takes it.
        manifest: the registry's record of it.
    """

    model_uri: str
    manifest: ModelManifest


def run(
    settings: Settings | None = None,
    *,
    day: str | None = None,
    all_days: bool = False,
    hyperparameters: dict[str, Any] | None = None,
) -> TrainingResult:
    """Train on one exported day or all of them, and publish the model.

    Args:
        settings: read from the environment when None.
        day: `YYYY-MM-DD`.
        all_days: every day that has a manifest.
        hyperparameters: by flag of `ml/train.py` without its dashes, such as `{"trees": 50}`.

    Raises:
        FixConfiguration: no or two choices of days, days not exported or damaged, or too little data.
        TryAgain: S3 is away.
    """
    settings = settings or load_settings()
    if (day is None) == (not all_days):
        raise FixConfiguration("Say what to train on: either --day YYYY-MM-DD or --all.")
    s3 = open_s3(settings)
    ensure_bucket(s3, settings)
    days: list[date] = [Day.parse(day).date] if day else exported_days(s3, settings)
    if not days:
        raise FixConfiguration("No day is exported yet: run `itrack export --all-days` first.")
    with TemporaryDirectory(prefix="itrack-train-") as folder:
        opt_ml = Path(folder) / "opt-ml"
        inputs = fetch_fixes(s3, settings, days, train_folder(opt_ml))
        model = run_job(opt_ml, hyperparameters or {})
        manifest, model_uri = publish(s3, settings, model, inputs)
    return TrainingResult(model_uri=model_uri, manifest=manifest)
