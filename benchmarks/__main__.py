"""`make bench`: runs every benchmark and prints its figures. Name some to run only those."""

from __future__ import annotations

import sys

from benchmarks import bridge, line_latency, producer

BENCHMARKS = {"bridge": bridge.main, "producer": producer.main, "line-latency": line_latency.main}

names = sys.argv[1:] or list(BENCHMARKS)
unknown = [name for name in names if name not in BENCHMARKS]
if unknown:
    sys.exit(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
for name in names:
    print(f"\n== {name}", flush=True)
    BENCHMARKS[name]()
