"""Open track files of any kind we read, packed by gzip or not."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from itrack.errors import FixConfiguration
from simulator.formats.csv_table import read_csv
from simulator.formats.geojson import read_geojson
from simulator.formats.gpx import read_gpx
from simulator.tracks import Problem, TrackFile

__all__ = ["read_track_file", "read_track_files"]


def read_track_files(files: Iterable[Path]) -> TrackFile:
    """Read several files; what is broken in one does not keep the others back.

    Raises:
        FixConfiguration: a file is not there, or is of a kind that is not read.
    """
    read = [read_track_file(file) for file in files]
    return TrackFile(
        tracks=tuple(track for one in read for track in one.tracks),
        problems=tuple(problem for one in read for problem in one.problems),
    )


def read_track_file(file: Path) -> TrackFile:
    """Read one GPX, GeoJSON or CSV file; the ending of its name tells which (`.gz` after it is understood).

    Raises:
        FixConfiguration: it is not there, or is of another kind.
    """
    names = file.name.lower().split(".")
    is_packed = names[-1] == "gz"
    kind = names[-2] if is_packed and len(names) > 1 else names[-1]
    stem = file.name.split(".")[0] or "track"
    if kind not in {"gpx", "geojson", "json", "csv"}:
        raise FixConfiguration(f"{file} is neither .gpx, .geojson nor .csv (each may end in .gz): name another file.")
    try:
        with cast("BinaryIO", gzip.open(file, "rb") if is_packed else file.open("rb")) as stream:
            if kind == "gpx":
                return read_gpx(stream, file.name, stem)
            if kind == "csv":
                with io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="") as text:
                    return read_csv(text, file.name, stem)
            return read_geojson(stream.read(), file.name, stem)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        sentence = f"{file.name}: the gzip data is broken ({error}); nothing of it was read."
        return TrackFile(problems=(Problem(where=file.name, reason="broken_gzip", sentence=sentence),))
    except OSError as error:
        raise FixConfiguration(f"{file} cannot be read ({error.strerror}): name another file.") from error
