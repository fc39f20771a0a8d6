"""`make bench`: runs every benchmark and prints its figures. Name some to run only those; `soak` runs only when named.

Each runs on a stack of its own: whatever `ITRACK_*` or `.env` says of other services, none of them is touched.
"""

from __future__ import annotations

import os
import sys
import tempfile

from benchmarks import analytics, bridge, distance, line_latency, producer, soak, trajectories
from itrack.settings import load_settings

BENCHMARKS = {
    "bridge": bridge.main,
    "producer": producer.main,
    "line-latency": line_latency.main,
    "analytics": analytics.main,
    "trajectories": trajectories.main,
    "distance": distance.main,
    "soak": soak.main,
}

names = sys.argv[1:] or [name for name in BENCHMARKS if name != "soak"]
unknown = [name for name in names if name not in BENCHMARKS]
if unknown:
    sys.exit(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
home = load_settings().home.resolve()
for variable in [each for each in os.environ if each.upper().startswith("ITRACK_")]:
    del os.environ[variable]
os.environ["ITRACK_HOME"] = str(home)
with tempfile.TemporaryDirectory() as without_env_file:
    os.chdir(without_env_file)
    for name in names:
        print(f"\n== {name}", flush=True)
        BENCHMARKS[name]()
