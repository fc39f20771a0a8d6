"""Write the dashboard's file, and print what is on it."""

from __future__ import annotations

import json

from monitoring.dashboard.grafana import DASHBOARD, dashboard, outline

DASHBOARD.write_text(json.dumps(dashboard(), indent=2) + "\n")
print(outline())  # noqa: T201 - the command's own voice
