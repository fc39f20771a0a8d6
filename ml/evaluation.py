"""How good the model is, on days that it has not seen. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from ml.features import FEATURES, SPEED_LIKE, Windows
from ml.model import UnusualMovement

__all__ = ["evaluate", "feature_ranges", "hold_out_days"]

_DAY_MS = 86_400_000
_FASTER = 5.0


def hold_out_days(windows: Windows, share: float) -> npt.NDArray[np.bool_]:
    """Which windows are kept for evaluation: those of the latest days (UTC), about `share` of the days.

    None when all windows are of one day: then nothing can be held out without the model having seen that day.
    """
    day = windows.started_ms // _DAY_MS
    days = np.unique(day)
    if len(days) < 2 or share <= 0.0:
        return np.zeros(len(windows), dtype=bool)
    kept = min(max(1, round(share * len(days))), len(days) - 1)
    return np.isin(day, days[-kept:])


def feature_ranges(windows: Windows) -> dict[str, dict[str, float]]:
    """By feature: its least, 5th, 50th and 95th percentile, and greatest value."""
    at = np.percentile(windows.values, [0, 5, 50, 95, 100], axis=0)
    names = ("min", "p05", "p50", "p95", "max")
    return {
        feature: {name: float(row) for name, row in zip(names, at[:, column], strict=True)}
        for column, feature in enumerate(FEATURES)
    }


def evaluate(model: UnusualMovement, held_out: Windows) -> dict[str, Any] | None:
    """Figures of windows that the model has not seen; None when there are none.

    `flagged_share` should be near the share that the model was told to call unusual: far more means that these
    days were different or that the model learnt too little. `faster_auc` is a planted test, since nobody has
    labelled what is unusual: the chance that a moving window scores higher once it is made five times as fast.
    0.5 is a guess, 1 is perfect.
    """
    if len(held_out) == 0:
        return None
    scores = model.score(held_out)
    return {
        "windows": len(held_out),
        "flagged_share": float(scores.is_unusual.mean()),
        "unusual_pct": {f"p{at}": float(np.percentile(scores.unusual_pct, at)) for at in (5, 25, 50, 75, 95)},
        "faster_auc": _faster_auc(model, held_out),
    }


def _faster_auc(model: UnusualMovement, held_out: Windows) -> float | None:
    moving = held_out.take(held_out.values[:, FEATURES.index("moving_share")] >= 0.5)
    if len(moving) == 0:
        return None
    factor = np.array([_FASTER if name in SPEED_LIKE else 1.0 for name in FEATURES])
    faster = Windows(moving.device_id, moving.started_ms, moving.values * factor, 0)
    scores = np.concatenate([model.score(moving).unusual_pct, model.score(faster).unusual_pct])
    planted = np.repeat([0, 1], len(moving))
    return float(roc_auc_score(planted, scores))
