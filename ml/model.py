"""The model of unusual movement: an isolation forest with a card that says what it was made with.

The files in a model's folder: `model.skops` (weights; skops reads them without running code) and `model.json` (the
card). A model is refused unless its features and its libraries are the ones at hand: scikit-learn's trees are not
portable between versions, and say so only sometimes.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import numpy as np
import numpy.typing as npt
import skops.io
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import RobustScaler

from ml.features import FEATURES, FEATURES_VERSION, WINDOW_S, Windows, to_model

__all__ = ["NAME", "Card", "ModelRefused", "Scores", "UnusualMovement", "fit", "libraries", "load", "save"]

NAME = "unusual-movement"

CARD_SCHEMA = 1

TRUSTED_TYPES = ("sklearn.tree._tree.Tree",)
"""What may be in the file beyond the types that skops trusts by itself."""

Floats = npt.NDArray[np.float64]


class ModelRefused(Exception):
    """The files are not a model that this program can use; the message says why."""


@dataclass(frozen=True)
class Card:
    """What the model is.

    Attributes:
        name, features, features_version, window_s: what it looks at.
        unusual_pct: from this percentile on, a window is called unusual.
        score_percentiles: the scores at percentiles 0, 1, … 100 of the windows it learnt from.
        windows: how many it learnt from.
        libraries: by name, the versions that made it.
        weights_sha256: of `model.skops`.
        schema: version of this form.
    """

    name: str
    features: list[str]
    features_version: int
    window_s: int
    unusual_pct: float
    score_percentiles: list[float]
    windows: int
    libraries: dict[str, str]
    weights_sha256: str = ""
    schema: int = CARD_SCHEMA


@dataclass(frozen=True)
class Scores:
    """What the model thinks of `n` windows.

    Attributes:
        unusual_pct: shape `(n,)`; share of the training windows that were less unusual, 0 to 100.
        is_unusual: shape `(n,)`.
        reason: shape `(n,)`; the feature that is furthest from the usual, measured in its usual spread.
    """

    unusual_pct: Floats
    is_unusual: npt.NDArray[np.bool_]
    reason: npt.NDArray[np.object_]


@dataclass(frozen=True)
class UnusualMovement:
    """A model that is ready to score."""

    pipeline: Pipeline
    card: Card

    def score(self, windows: Windows) -> Scores:
        """Judge windows; an empty input gives empty scores."""
        if len(windows) == 0:
            return Scores(np.empty(0), np.empty(0, dtype=bool), np.empty(0, dtype=object))
        usual = self.pipeline[0].transform(to_model(windows.values))
        raw = -self.pipeline[-1].score_samples(usual)
        percentile = np.interp(raw, self.card.score_percentiles, np.arange(101.0))
        reason = np.array(FEATURES, dtype=object)[np.abs(usual).argmax(axis=1)]
        return Scores(percentile, percentile >= self.card.unusual_pct, reason)


def fit(windows: Windows, *, trees: int, unusual_share: float, seed: int) -> UnusualMovement:
    """Learn what is usual.

    Isolation forest (Liu, Ting and Zhou, 2008): what few random cuts separate from the rest is unusual. The robust
    scaler before it changes no split; it makes the reasons comparable.

    Args:
        windows: at least one.
        trees: of the forest.
        unusual_share: share of the training windows that may be called unusual, between 0 and 1.
        seed: the same seed and windows give the same model.
    """
    forest = IsolationForest(n_estimators=trees, random_state=seed)
    pipeline = make_pipeline(RobustScaler(quantile_range=(10.0, 90.0)), forest)
    seen = to_model(windows.values)
    pipeline.fit(seen)
    raw = -pipeline.score_samples(seen)
    card = Card(
        name=NAME,
        features=list(FEATURES),
        features_version=FEATURES_VERSION,
        window_s=WINDOW_S,
        unusual_pct=100.0 * (1.0 - unusual_share),
        score_percentiles=[float(score) for score in np.percentile(raw, np.arange(101))],
        windows=len(windows),
        libraries=libraries(),
    )
    return UnusualMovement(pipeline, card)


def libraries() -> dict[str, str]:
    """The versions at hand of what a model depends on."""
    return {"python": platform.python_version()} | {name: version(name) for name in ("numpy", "scikit-learn", "skops")}


def save(model: UnusualMovement, folder: Path) -> Card:
    """Write the model's two files; returns the card as written."""
    weights = folder / "model.skops"
    skops.io.dump(model.pipeline, weights, compression=ZIP_DEFLATED)
    card = asdict(model.card) | {"weights_sha256": sha256(weights.read_bytes()).hexdigest()}
    (folder / "model.json").write_text(json.dumps(card, indent=2) + "\n")
    return Card(**card)


def load(folder: Path) -> UnusualMovement:
    """Read a model.

    Raises:
        ModelRefused: files are missing or changed, or it was made with other features or libraries.
    """
    try:
        card = _card(json.loads((folder / "model.json").read_bytes()))
        content = (folder / "model.skops").read_bytes()
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{folder} holds no model: {error}") from error
    _refuse_others(card)
    if sha256(content).hexdigest() != card.weights_sha256:
        raise ModelRefused("model.skops is not the file that its card names: it was changed or cut.")
    unknown = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES)
    if unknown:
        raise ModelRefused(f"model.skops holds types that are not trusted: {', '.join(sorted(unknown))}.")
    return UnusualMovement(skops.io.loads(content, trusted=list(TRUSTED_TYPES)), card)


def _card(content: Any) -> Card:
    if not isinstance(content, dict) or content.get("schema") != CARD_SCHEMA:
        raise ModelRefused(f"model.json is not a card of schema {CARD_SCHEMA}.")
    try:
        return Card(**content)
    except TypeError as error:
        raise ModelRefused(f"model.json is not a card: {error}.") from error


def _refuse_others(card: Card) -> None:
    if (card.features, card.features_version, card.window_s) != (list(FEATURES), FEATURES_VERSION, WINDOW_S):
        raise ModelRefused(
            f"The model was made with features of version {card.features_version}, this program makes version "
            f"{FEATURES_VERSION}: train it again."
        )
    mine = libraries()
    for name in ("scikit-learn", "skops"):
        theirs = card.libraries.get(name, "unknown")
        if theirs.split(".")[:2] != mine[name].split(".")[:2]:
            raise ModelRefused(
                f"The model was made with {name} {theirs}, here is {mine[name]}: train it again, or install the same."
            )
