"""docs/monitoring.md lists every metric that there is, with its kind, its labels and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parent.parent.parent / "docs" / "monitoring.md"


def test_the_table_of_metrics_is_complete(code_metrics: dict[str, Any]) -> None:
    """A metric that is added, renamed or gone has to show in the guide; the failure prints the rows that differ."""
    should_be = {
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for metric in code_metrics.values()
    }
    rows = {line for line in GUIDE.read_text().splitlines() if line.startswith("| `itrack_")}
    assert rows == should_be, "\n".join(["to add:", *sorted(should_be - rows), "to remove:", *sorted(rows - should_be)])
