"""A panel of the dashboard, as much as its author has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["RATE", "Panel", "Row", "quantiles"]

RATE = "[$__rate_interval]"
"""The window of a rate: Grafana makes it long enough for the scrape interval."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        title: what it shows, in a few words.
        description: what it means and when to worry, in a sentence or two.
        unit: Grafana's name of the unit (`s`, `bytes`, `short`, `reqps`, …).
        queries: PromQL by legend; a legend may name labels as `{{label}}`.
        kind: a curve, or one number.
        width, height: in Grafana's grid of 24 columns.
        red_above, red_below: limit that is drawn, and colours a number.
        no_value: what a panel without data says.
    """

    title: str
    description: str
    unit: str
    queries: dict[str, str]
    kind: Literal["timeseries", "stat"] = "timeseries"
    width: int = 8
    height: int = 7
    red_above: float | None = None
    red_below: float | None = None
    no_value: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels that belong together, under a heading."""

    title: str
    panels: list[Panel]


def quantiles(histogram: str) -> dict[str, str]:
    """Curves of a histogram's middle, and of what 1 in 20 and 1 in 100 exceed."""
    return {
        f"{percent} %": f"histogram_quantile({percent / 100}, sum by (le) (rate({histogram}_bucket{RATE})))"
        for percent in (50, 95, 99)
    }
