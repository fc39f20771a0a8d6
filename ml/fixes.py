"""Reading fixes for features: from the export's Parquet files and from JSON."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.features import Windows, window_features

__all__ = ["windows_of_json", "windows_of_parquet"]

_COLUMNS = ["device_id", "fixed_at", "latitude_deg", "longitude_deg"]


def windows_of_parquet(source: Path | bytes) -> tuple[Windows, int]:
    """The windows of one `fixes.parquet`, and how many fixes it holds.

    Raises:
        ValueError: not Parquet, or without the columns of a fix.
    """
    file: Any = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        table = pq.read_table(file, columns=_COLUMNS)
        fixed_ms = table["fixed_at"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
    except (pa.ArrowException, KeyError) as error:
        raise ValueError(f"not a Parquet file of fixes: {error}") from error
    windows = window_features(
        table["device_id"].to_numpy(),
        fixed_ms.to_numpy(),
        table["latitude_deg"].to_numpy(),
        table["longitude_deg"].to_numpy(),
    )
    return windows, table.num_rows


def windows_of_json(body: bytes | str) -> Windows:
    """The windows of `{"fixes": [{"device_id", "fixed_at", "latitude_deg", "longitude_deg"}, …]}`.

    Raises:
        ValueError: not JSON, or a fix lacks something; the message says which.
    """
    content = json.loads(body)
    fixes = content.get("fixes") if isinstance(content, dict) else None
    if not isinstance(fixes, list):
        raise ValueError('expected {"fixes": [...]}')  # noqa: TRY004 - one kind of error for one kind of trouble
    rows = []
    for index, fix in enumerate(fixes):
        try:
            at = datetime.fromisoformat(fix["fixed_at"])
            if at.tzinfo is None:
                raise ValueError("fixed_at has no time zone")  # noqa: TRY301 - told with the others below
            row = (str(fix["device_id"]), at.timestamp(), float(fix["latitude_deg"]), float(fix["longitude_deg"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"fix {index} is not usable: {error!r}") from error
        rows.append(row)
    device, at_s, latitude, longitude = zip(*rows, strict=True) if rows else ((), (), (), ())
    return window_features(
        np.array(device, dtype=object),
        np.round(np.array(at_s, dtype=np.float64) * 1000).astype(np.int64),
        np.array(latitude, dtype=np.float64),
        np.array(longitude, dtype=np.float64),
    )
