"""The Prometheus files are ones that promtool accepts, that fit the settings, and that an admin can act on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.parts import PARTS
from itrack.settings import Settings, load_settings
from monitoring.scrape import RULES, prometheus_config

ROOT = Path(__file__).parent.parent.parent
CONFIG = RULES.parent / "prometheus.yml"
RULE_FILES = sorted(RULES.glob("*.yml"))
TEST_FILES = sorted((RULES.parent / "tests").glob("*.yml"))

Rule = dict[str, Any]
ALERTS: list[Rule] = [
    rule for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]
]


def _default_settings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Settings:
    monkeypatch.chdir(folder)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ITRACK_{name.upper()}", raising=False)
    return load_settings()


def test_the_configuration_is_what_the_default_settings_give(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A port that moves in the settings and not in prometheus.yml would leave a part unwatched."""
    assert CONFIG.read_text() == prometheus_config(_default_settings(monkeypatch, tmp_path), rules="rules")


def test_every_part_is_scraped(settings_of_ports: Settings) -> None:
    """Every port with metrics that the settings know is a target, but for the test double's; so is every part."""
    jobs = yaml.safe_load(prometheus_config(settings_of_ports))["scrape_configs"]
    targets = {config["labels"]["part"]: config["targets"] for config in jobs[0]["static_configs"]}
    scraped = {int(target.rpartition(":")[2]) for addresses in targets.values() for target in addresses}
    with_metrics = {name for name in Settings.model_fields if name.endswith("metrics_port")} - {"stand_in_metrics_port"}
    assert scraped == {getattr(settings_of_ports, name) for name in (*with_metrics, "map_port")}
    for part in PARTS:
        assert targets[part.name] == [part.url(settings_of_ports).removeprefix("http://")]


@pytest.fixture
def settings_of_ports() -> Settings:
    """Settings in which no two ports are alike and none is a default."""
    ports = [name for name in Settings.model_fields if name.endswith("_port")]
    return load_settings(**{name: 30000 + number for number, name in enumerate(ports)})


def test_promtool_accepts_the_configuration(promtool: Any, tmp_path: Path, settings_of_ports: Settings) -> None:
    """Both the file that is kept and the one that is printed for other settings load, rules included."""
    printed = tmp_path / "prometheus.yml"
    printed.write_text(prometheus_config(settings_of_ports))
    for file in (CONFIG, printed):
        answer = promtool("check", "config", file)
        assert answer.returncode == 0, answer.stderr
        assert f"{len(ALERTS)} rules found" in answer.stdout


def test_promtool_accepts_the_rules(promtool: Any) -> None:
    """The rules load and have none of the faults that promtool's lints know."""
    answer = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_each_alert_fires_and_keeps_silent_as_it_must(promtool: Any) -> None:
    """Runs the rules' own tests: series go in, alerts and their sentences come out."""
    answer = promtool("test", "rules", *TEST_FILES)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_has_a_test_both_ways(alert: Rule) -> None:
    """Every alert is tested to fire, and not to fire on something: another moment, or another series."""
    fires = silent = False
    for file in TEST_FILES:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                if check["alertname"] == alert["alert"]:
                    fires = fires or bool(check["exp_alerts"])
                    silent = silent or len(check["exp_alerts"]) < max(1, len(case.get("input_series", [])))
    assert fires
    assert silent or alert["expr"] == "vector(1)"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_says_what_to_do(alert: Rule) -> None:
    """Every alert has a severity, one sentence, and a section in the guide under its own name."""
    assert alert["labels"]["severity"] in {"critical", "warning", "none"}
    summary = alert["annotations"]["summary"]
    assert re.fullmatch(r"\S[^\n]*\.", summary)
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    sections = {
        heading.lower(): text
        for heading, text in re.findall(
            r"^### (\w+)\n(.*?)(?=^##|\Z)", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE
        )
    }
    assert anchor == alert["alert"].lower()
    for word in ("**Means**", "**Look at**", "**Do**"):
        assert word in sections[anchor], f"{page} lacks {word} under {alert['alert']}"


def test_no_section_is_about_an_alert_that_is_gone() -> None:
    """The guide's runbook lists the alerts that exist, no others; one with two severities once."""
    runbook = (ROOT / "docs" / "monitoring.md").read_text().partition("\n## Runbook")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\w+)$", runbook, re.MULTILINE) == list(dict.fromkeys(alert["alert"] for alert in ALERTS))
