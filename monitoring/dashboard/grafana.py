"""Turns rows of panels into the model that Grafana reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from monitoring.dashboard.below import HOST, SERVICES
from monitoring.dashboard.line import BRIDGE, HABITS, PRODUCER, STREAM
from monitoring.dashboard.panel import Panel, Row
from monitoring.dashboard.promise import PROMISE
from monitoring.dashboard.use import MAP

__all__ = ["DASHBOARD", "ROWS", "dashboard", "in_stack", "outline"]

DASHBOARD = Path(__file__).parent.parent / "grafana" / "dashboards" / "itrack.json"
"""Where the written dashboard lies; it is kept with the code, so nobody has to run this to use it."""

ROWS = [PROMISE, BRIDGE, PRODUCER, STREAM, HABITS, MAP, SERVICES, HOST]
"""The dashboard from top to bottom, in the order in which a person asks: is all well, and if not, where?"""

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_GRID_WIDTH = 24


def dashboard(rows: list[Row] = ROWS) -> dict[str, Any]:
    """Grafana's model of the dashboard. The same rows always give the same file."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        panels.append(
            {
                "type": "row",
                "id": len(panels) + 1,
                "title": row.title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": _GRID_WIDTH, "h": 1},
                "panels": [],
            }
        )
        y += 1
        x = height = 0
        for panel in row.panels:
            if x + panel.width > _GRID_WIDTH:
                x, y, height = 0, y + height, 0
            panels.append(_panel(panel, len(panels) + 1, x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return {
        "uid": "itrack",
        "title": "I-Track",
        "description": "From a phone's report to the map: does every fix arrive, how fast, and what is in its way.",
        "tags": ["itrack"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _VARIABLES},
        "annotations": {"list": [_ALERTS]},
        "panels": panels,
    }


_METRIC = re.compile(r"\b((?:itrack|process)_[a-z0-9_]+|up)\b(\{)?")


def in_stack(expr: str) -> str:
    """The expression with every metric narrowed to the stack that the reader chose at the top of the dashboard."""
    return _METRIC.sub(lambda found: f'{found[1]}{{job=~"$job"{", " if found[2] else "}"}', expr)


def outline(rows: list[Row] = ROWS) -> str:
    """The dashboard as text: a line a panel, as a person meets them."""
    lines = []
    for row in rows:
        lines.append(f"== {row.title}")
        lines.extend(f"   {panel.title} [{panel.unit}] - {panel.description}" for panel in row.panels)
    return "\n".join(lines)


_VARIABLES = [
    {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}},
    {
        "name": "job",
        "label": "Stack",
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": 'label_values(up{part!=""}, job)', "refId": "job"},
        "refresh": 2,
        "includeAll": False,
        "multi": False,
        "current": {"text": "itrack", "value": "itrack"},
    },
]

_ALERTS: dict[str, Any] = {
    "name": "Alerts",
    "enable": True,
    "iconColor": "red",
    "datasource": _DATASOURCE,
    "expr": 'ALERTS{alertstate="firing", severity!="none"}',
    "titleFormat": "{{alertname}}",
}


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "datasource": _DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _STAT if panel.kind == "stat" else _TIME_SERIES,
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _DATASOURCE,
                "expr": in_stack(expr),
                "legendFormat": legend,
                "instant": panel.kind == "stat",
                "range": panel.kind != "stat",
            }
            for place, (legend, expr) in enumerate(panel.queries.items())
        ],
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red_above is not None:
        steps.append({"color": "red", "value": panel.red_above})
    if panel.red_below is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.red_below}]
    has_limit = len(steps) > 1
    return {
        "unit": panel.unit,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        "custom": {"thresholdsStyle": {"mode": "line" if has_limit else "off"}, "fillOpacity": 8, "showPoints": "never"}
        if panel.kind == "timeseries"
        else {},
        **({"noValue": panel.no_value} if panel.no_value else {}),
    }


_STAT = {
    "reduceOptions": {"calcs": ["lastNotNull"], "values": False},
    "colorMode": "value",
    "graphMode": "none",
    "textMode": "auto",
}
_TIME_SERIES = {
    "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
