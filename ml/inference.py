"""The SageMaker endpoint's four functions for the model of unusual movement.

Takes fixes as JSON or as the export's Parquet, answers with one judgement a window as JSON.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml.features import FEATURES, Windows
from ml.fixes import windows_of_json, windows_of_parquet
from ml.model import UnusualMovement, load

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]

JSON = "application/json"
PARQUET = ("application/vnd.apache.parquet", "application/x-parquet")


def model_fn(model_dir: str) -> UnusualMovement:
    """Load the model.

    Raises:
        ModelRefused: it was changed, or made with other features or libraries.
    """
    return load(Path(model_dir))


def input_fn(body: bytes | str, content_type: str) -> Windows:
    """The windows of the fixes in a request.

    Raises:
        ValueError: another content type, or no usable fixes in it.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        return windows_of_json(body)
    if kind in PARQUET and isinstance(body, bytes):
        return windows_of_parquet(body)[0]
    raise ValueError(f"content type {content_type!r}: send {JSON} or {PARQUET[0]}")


def predict_fn(windows: Windows, model: UnusualMovement) -> list[dict[str, Any]]:
    """One judgement a window, with the value of the feature that stands out most."""
    scores = model.score(windows)
    return [
        {
            "device_id": str(windows.device_id[row]),
            "window_started_at": _iso(int(windows.started_ms[row])),
            "window_s": model.card.window_s,
            "unusual_pct": round(float(scores.unusual_pct[row]), 2),
            "is_unusual": bool(scores.is_unusual[row]),
            "reason": str(scores.reason[row]),
            "reason_value": round(float(windows.values[row, FEATURES.index(scores.reason[row])]), 3),
        }
        for row in range(len(windows))
    ]


def output_fn(prediction: list[dict[str, Any]], accept: str) -> tuple[str, str]:
    """The answer's text and content type.

    Raises:
        ValueError: the caller accepts no JSON.
    """
    if not any(kind in accept.lower() for kind in (JSON, "*/*", "application/*")):
        raise ValueError(f"accept {accept!r}: only {JSON} can be had")
    return json.dumps({"windows": prediction}), JSON


def _iso(at_ms: int) -> str:
    """RFC 3339. By hand, since `fromtimestamp` refuses years before 1970 on some systems."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
