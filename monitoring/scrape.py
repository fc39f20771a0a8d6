"""What Prometheus has to know to watch I-Track: where each part serves its metrics, and where the rules are."""

from __future__ import annotations

from pathlib import Path

from itrack.settings import Settings, load_settings

__all__ = ["RULES", "print_prometheus_config", "prometheus_config"]

RULES = Path(__file__).parent / "prometheus" / "rules"
"""Folder of the alert rules."""

_PORTS = {
    "bridge": "bridge_metrics_port",
    "producer": "producer_metrics_port",
    "analytics": "analytics_metrics_port",
    "map": "map_port",
    "export": "export_metrics_port",
    "habits": "habits_metrics_port",
    "watch": "watch_metrics_port",
}
"""Each part and the setting of the port where it serves `/metrics`."""

_HEAD = """\
# Prometheus for I-Track on one machine. Written by `itrack watch --prometheus-config` from the settings;
# this is what it writes for the default ports. Parts on other machines: put their addresses in place of 127.0.0.1.
global:
  scrape_interval: 10s
  evaluation_interval: 10s

rule_files:
  - "{rules}/*.yml"

# Alerts reach people by Alertmanager: name yours here.
# alerting:
#   alertmanagers:
#     - static_configs:
#         - targets: ["127.0.0.1:9093"]

scrape_configs:
  - job_name: itrack
    static_configs:
"""


def prometheus_config(settings: Settings, rules: Path | str = RULES) -> str:
    """The configuration file for these settings.

    Args:
        settings: for the ports.
        rules: folder of the alert rules; relative ones count from the file's own folder.
    """
    lines = [_HEAD.format(rules=rules)]
    for part, setting in _PORTS.items():
        lines.append(f'      - targets: ["127.0.0.1:{getattr(settings, setting)}"]\n        labels: {{part: {part}}}\n')
    return "".join(lines)


def print_prometheus_config() -> None:
    """Print the configuration file for the settings in force."""
    print(prometheus_config(load_settings()), end="")  # noqa: T201 - the command's own voice
