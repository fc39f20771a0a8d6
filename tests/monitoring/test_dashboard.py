"""The dashboard file is one that Grafana can load and a person can read."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from monitoring.dashboard.grafana import DASHBOARD, dashboard, in_stack, outline

MODEL: dict[str, Any] = json.loads(DASHBOARD.read_text())
PANELS = [panel for panel in MODEL["panels"] if panel["type"] != "row"]
UNITS = {"s", "bytes", "short", "cps", "percentunit", "bool_yes_no"}
"""Those of Grafana's units that are in use; a name Grafana does not know would be printed behind the number."""


def test_the_file_is_what_its_source_gives() -> None:
    """The file that Grafana loads is never edited by hand: `python -m monitoring.dashboard` writes it."""
    assert dashboard() == MODEL


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_explains_itself(panel: dict[str, Any]) -> None:
    """Every panel has a title, a sentence, a unit, a query, and takes its data from the chosen Prometheus."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]
    for target in (panel, *panel["targets"]):
        assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_titles_and_numbers_are_unique() -> None:
    """Two panels of one name are confused by people, two of one number by Grafana."""
    assert len({panel["title"] for panel in MODEL["panels"]}) == len(MODEL["panels"])
    assert len({panel["id"] for panel in MODEL["panels"]}) == len(MODEL["panels"])


def test_panels_do_not_overlap() -> None:
    """Each panel has its own place within the width of the page, below its own row's heading."""
    taken: set[tuple[int, int]] = set()
    for panel in MODEL["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells


def test_no_row_is_empty() -> None:
    """A heading without panels is a promise that is not kept."""
    kinds = [panel["type"] == "row" for panel in MODEL["panels"]]
    assert not any(first and second for first, second in zip(kinds, [*kinds[1:], True], strict=True))


def test_the_variables_exist() -> None:
    """Every `$name` that a query uses is one the reader can choose, and `$job` defaults to the shipped job."""
    variables = {variable["name"]: variable for variable in MODEL["templating"]["list"]}
    assert set(variables) == {"datasource", "job"}
    assert variables["job"]["current"]["value"] == "itrack"


def test_a_metric_is_narrowed_wherever_it_stands() -> None:
    """The chosen stack is put in front of other matchers, and before a range."""
    assert in_stack("up") == 'up{job=~"$job"}'
    assert in_stack('sum by (a) (rate(itrack_x_total{b="c"}[1m]))') == (
        'sum by (a) (rate(itrack_x_total{job=~"$job", b="c"}[1m]))'
    )
    assert in_stack("rate(itrack_x_total[1m]) / itrack_y") == (
        'rate(itrack_x_total{job=~"$job"}[1m]) / itrack_y{job=~"$job"}'
    )


def test_the_outline_names_every_panel() -> None:
    """Who cannot see the dashboard can read what is on it."""
    text = outline()
    assert all(panel["title"] in text for panel in MODEL["panels"])


def test_the_provisioning_files_fit_together() -> None:
    """Grafana gets a data source of the type that the dashboard asks for, and is told where dashboards are."""
    folder = DASHBOARD.parent.parent / "provisioning"
    source = yaml.safe_load((folder / "datasources" / "itrack.yml").read_text())["datasources"][0]
    assert source["type"] == MODEL["templating"]["list"][0]["query"]
    assert yaml.safe_load((folder / "dashboards" / "itrack.yml").read_text())["providers"][0]["options"]["path"]
