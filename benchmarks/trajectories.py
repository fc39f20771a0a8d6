"""Stop finding in batch beside other people's libraries, on the same made-up days, in points per CPU-second.

The libraries that do not fit into our environment get environments of their own, made once in the home folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from itrack.settings import load_settings
from itrack.trajectory.rules import Rules
from itrack.trajectory.stop_batch import find_stops
from tests.support.diaries import diaries

_PEOPLE = 3
_SCRIPT = Path(__file__).parent / "stop_peers.py"
_OLD = ["numpy==1.26.4", "pandas==1.5.3", "shapely==2.0.7", "geopandas==0.14.4", "scikit-learn==1.5.2", "scipy==1.13.1"]
_OLD_NEEDS = [
    "requests",
    "tqdm",
    "statsmodels==0.14.6",
    "folium",
    "h3==3.7.7",
    "pooch",
    "powerlaw",
    "geojson",
    "igraph",
]
_PEERS: dict[str, tuple[list[list[str]], int]] = {
    "fastmob": ([["fastmob==0.3.2", "pandas"]], 10),
    "scikit_mobility": ([[*_OLD, *_OLD_NEEDS, "matplotlib"], ["--no-deps", "scikit-mobility==1.3.1"]], 3),
    "trackintel": ([], 3),
    "movingpandas": ([["movingpandas==0.23.0", "pandas", "geopandas"]], 1),
}
"""What pip installs, call by call, into each one's own environment (none: it is in ours), and how often it runs."""


def main() -> None:
    """Print each one's speed, and ours as a multiple of it."""
    tracks = [day.points for day in diaries("bench", _PEOPLE)]
    total = sum(map(len, tracks))
    print(f"{total} points of {len(tracks)} days")
    ours = {
        "ours, 60 m 2 min": _ours_per_s(tracks, Rules()),
        "ours, plain rule 100 m 5 min": _ours_per_s(tracks, Rules.plain(stop_radius_m=100, stop_dwell_s=300)),
    }
    for name, (per_s, stops) in ours.items():
        print(f"{name:30} {per_s:12,.0f} points per CPU-second, {stops} stops")
    full_per_s, plain_per_s = (per_s for per_s, _ in ours.values())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "points.npz"
        points = np.concatenate(tracks)
        phones = np.repeat(np.arange(len(tracks)), [len(track) for track in tracks])
        np.savez(file, phone=phones, **{name: points[name] for name in ("at_ms", "latitude_deg", "longitude_deg")})
        for name, (packages, rounds) in _PEERS.items():
            try:
                per_s, stops = _peer_per_s(name, packages, file, rounds)
            except subprocess.CalledProcessError as error:
                print(f"{name:30} does not run here: {(error.stderr or '').strip().splitlines()[-1:]}")
                continue
            print(
                f"{name:30} {per_s:12,.0f} points per CPU-second, {stops} stops; "
                f"ours is {full_per_s / per_s:,.1f} times as fast, the plain rule {plain_per_s / per_s:,.1f} times"
            )


def _ours_per_s(tracks: list[np.ndarray], rules: Rules) -> tuple[float, int]:
    best_s, stops = float("inf"), 0
    for _ in range(10):  # the first one compiles
        began_s = time.process_time()
        stops = sum(len(find_stops(track, rules)) for track in tracks)
        best_s = min(best_s, time.process_time() - began_s)
    return sum(map(len, tracks)) / best_s, stops


def _peer_per_s(name: str, packages: list[list[str]], file: Path, rounds: int) -> tuple[float, int]:
    program = [str(_peer_python(name, packages)), str(_SCRIPT), name, str(file), str(rounds)]
    one_thread = {**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(program, check=True, capture_output=True, text=True, env=one_thread)
    result = json.loads(done.stdout.splitlines()[-1])
    return result["per_s"], result["stops"]


def _peer_python(name: str, packages: list[list[str]]) -> Path:
    """The Python that has the library; its environment is made if it is not there."""
    if not packages:
        return Path(sys.executable)
    folder = load_settings().home.expanduser().resolve() / "peers" / name
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True, text=True
        )
        for each in packages:
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *each]
            subprocess.run(pip, check=True, capture_output=True, text=True)
        ready.touch()
    return python
