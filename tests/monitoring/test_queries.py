"""Every query of the dashboard and of the rules asks for something that the code really serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml
from promql_parser import AggregateExpr, Call, VectorSelector

from monitoring.dashboard.grafana import DASHBOARD
from monitoring.scrape import RULES

OF_THE_TARGET = {"job", "instance", "part"}
OF_PROMETHEUS = {"up": {"job", "instance", "part"}, "ALERTS": {"alertname", "alertstate", "severity"}}
OF_EVERY_PROCESS = {"process_resident_memory_bytes": set[str](), "process_start_time_seconds": set[str]()}
FOR_COUNTERS = {"rate", "irate", "increase"}
FOR_GAUGES = {"delta", "deriv", "predict_linear"}


def _panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def _queries() -> Iterator[tuple[str, str]]:
    for panel in _panels():
        for target in panel["targets"]:
            yield f"{panel['title']}: {target['legendFormat']}", target["expr"].replace("$__rate_interval", "1m")
    for file in RULES.glob("*.yml"):
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                yield rule["alert"], rule["expr"]


QUERIES = list(_queries())


@pytest.fixture(scope="session")
def labels_of(code_metrics: dict[str, Any]) -> dict[str, set[str]]:
    """Labels by the name that a query can use, of everything there is."""
    known = {**OF_PROMETHEUS, **{name: labels | OF_THE_TARGET for name, labels in OF_EVERY_PROCESS.items()}}
    for metric in code_metrics.values():
        for sample in metric.samples:
            known[sample] = {*metric.labels, *OF_THE_TARGET, *(["le"] if sample.endswith("_bucket") else [])}
    return known


def _nodes(expr: str, *kinds: type) -> list[Any]:
    found: list[Any] = []
    promql_parser.walk(promql_parser.parse(expr), lambda node: found.append(node) if isinstance(node, kinds) else None)
    return found


def _selectors(expr: str) -> list[VectorSelector]:
    return [
        getattr(node, "vector_selector", node) for node in _nodes(expr, VectorSelector, promql_parser.MatrixSelector)
    ]


@pytest.mark.parametrize(("where", "expr"), QUERIES, ids=[where for where, _ in QUERIES])
def test_every_metric_and_label_exists(where: str, expr: str, labels_of: dict[str, set[str]]) -> None:
    """A query for a metric or a label that no code serves would show nothing, or never fire."""
    used: set[str] = set()
    for selector in _selectors(expr):
        assert selector.name in labels_of, f"{where} asks for {selector.name}, which nothing serves"
        used |= labels_of[selector.name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels_of[selector.name], f"{where}: {selector.name} has no label {matcher.name}"
    for aggregate in _nodes(expr, AggregateExpr):
        if aggregate.modifier is not None:
            assert set(aggregate.modifier.labels) <= used, f"{where} groups by a label that is not there"


@pytest.mark.parametrize(("where", "expr"), QUERIES, ids=[where for where, _ in QUERIES])
def test_functions_fit_the_kind_of_metric(where: str, expr: str, code_metrics: dict[str, Any]) -> None:
    """The rate of a gauge and the delta of a counter are numbers without meaning."""
    counting = {
        sample
        for metric in code_metrics.values()
        if metric.kind in {"counter", "histogram"}
        for sample in metric.samples
    }
    for call in _nodes(expr, Call):
        for argument in call.args:
            selector = getattr(argument, "vector_selector", None)
            if selector is None:
                continue
            if call.func.name in FOR_COUNTERS:
                assert selector.name in counting, f"{where}: {call.func.name} of the gauge {selector.name}"
            if call.func.name in FOR_GAUGES:
                assert selector.name not in counting, f"{where}: {call.func.name} of the counter {selector.name}"


def test_every_metric_is_looked_at(code_metrics: dict[str, Any]) -> None:
    """A metric that is on no panel and in no alert is one that nobody will see."""
    asked = {selector.name for _, expr in QUERIES for selector in _selectors(expr)}
    unseen = [metric.name for metric in code_metrics.values() if not asked.intersection(metric.samples)]
    assert unseen == []


def test_rates_adapt_to_the_scrape_interval() -> None:
    """A fixed short window shows nothing when scrapes are rarer; Grafana's own window always holds enough of them."""
    for panel in _panels():
        for target in panel["targets"]:
            for function, window in re.findall(r"\b(\w+)\([^()]*\[([^\]]+)\]", target["expr"]):
                assert function == "increase" or window == "$__rate_interval", f"{panel['title']}: {target['expr']}"


def test_every_metric_is_of_the_chosen_stack() -> None:
    """With two stacks in one Prometheus, no curve of one shows up on the dashboard of the other."""
    for where, expr in QUERIES[: sum(len(panel["targets"]) for panel in _panels())]:
        for selector in _selectors(expr):
            jobs = [matcher.value for matcher in selector.matchers.matchers if matcher.name == "job"]
            assert jobs == ["$job"] or selector.name == "ALERTS", f"{where}: {selector.name} is not narrowed to $job"
