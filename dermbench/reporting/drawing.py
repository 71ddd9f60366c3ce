"""Places of the marks in the drawings of an HTML report, in SVG units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dermbench.artifacts.skin import UNKNOWN
from dermbench.reporting.groups import is_small, twins
from dermbench.reporting.names import feature_title, metric_title, sorted_features, sorted_groups
from dermbench.reporting.numbers import Footnotes, cell_text, decimal
from dermbench.reporting.summary import headline_metrics
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.report import Report

LABEL, PLOT, MARGIN = 250.0, 470.0, 200.0
"""Widths of the names, of the plot and of the values beside it."""
LINE, GAP, TOP = 22.0, 8.0, 34.0
"""Height of a line, of the space above a feature, and of the axis above all."""
WIDTH = 190.0
"""Width of the drawing of a gap."""
SQUARE = 260.0
"""Side of the reliability diagram."""


@dataclass(frozen=True)
class Scale:
    """A linear axis from ``low`` to ``high`` over ``width`` units from ``left`` on."""

    low: float
    high: float
    left: float
    width: float

    def at(self, value: float) -> float:
        """Return the place of a value, within the axis."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.left + share * self.width, 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Return place and text of round values, at most eleven."""
        step = next(
            s for s in (0.1, 0.2, 0.5, *(10.0**k for k in range(300))) if (self.high - self.low) / s <= 10.5
        )
        first = math.ceil(round(self.low / step, 6))
        values = [i * step for i in range(first, math.floor(round(self.high / step, 6)) + 1)]
        return [(self.at(value), decimal(value, digits=1)) for value in values]


@dataclass(frozen=True)
class Mark:
    """A line of the forest plot: a heading without ``text``, or a group with its value."""

    label: str
    y: float
    n: str = ""
    text: str = ""
    x: float | None = None
    ends: tuple[float, float] | None = None
    hollow: bool = False


@dataclass(frozen=True)
class Forest:
    """A metric by subgroup beside the overall value."""

    metric: str
    height: float
    ticks: list[tuple[float, str]]
    marks: list[Mark]
    overall: Mark


@dataclass(frozen=True)
class Bar:
    """A gap beside what chance alone gives."""

    x: float | None
    ends: tuple[float, float] | None
    median: float | None
    upper: float | None


def forest(report: Report) -> Forest | None:
    """Return the forest plot of accuracy (of another metric where there is none); None without a value."""
    name = next(iter(headline_metrics(report.overall)), None)
    overall = report.overall.get(name or "") or {}
    if name is None or overall.get("value") is None:
        return None
    scale = _scale(report, name)
    same, marks, y = twins(report.features), [], TOP + LINE
    for feature in [f for f in sorted_features(report.features) if f not in same]:
        y += LINE + GAP
        marks.append(Mark(plain(feature_title(feature)), y))
        groups = report.features[feature].get("groups") or {}
        for group in sorted_groups(groups):
            y += LINE
            marks.append(_mark(group, groups[group], groups[group].get(name) or {}, scale, y))
    whole = _mark("all images", {"n": report.n}, overall, scale, TOP + LINE)
    return Forest(metric_title(name), y + LINE, scale.ticks(), marks, whole)


def _scale(report: Report, name: str) -> Scale:
    cells = [report.overall[name]]
    cells += [g.get(name) or {} for f in report.features.values() for g in (f.get("groups") or {}).values()]
    values = [cell[key] for cell in cells for key in ("value", "low", "high") if cell.get(key) is not None]
    low, high = math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10
    return Scale(low, max(high, low + 0.1), LABEL, PLOT)


def _mark(label: str, block: Mapping[str, Any], cell: Mapping[str, Any], scale: Scale, y: float) -> Mark:
    n = block.get("n")
    shown = "" if n is None else f"n = {n:,}"
    text = cell_text(dict(cell) or None, Footnotes()).rstrip("⁰¹²³⁴⁵⁶⁷⁸⁹")
    if cell.get("value") is None:
        return Mark(plain(label, limit=32), y, shown, text)
    ends = None if cell.get("low") is None or cell.get("high") is None else (cell["low"], cell["high"])
    return Mark(
        plain(label, limit=32),
        y,
        shown,
        text,
        scale.at(cell["value"]),
        None if ends is None else (scale.at(ends[0]), scale.at(ends[1])),
        hollow=is_small(block) or label == UNKNOWN,
    )


def gap_scale(blocks: list[Mapping[str, Any]]) -> Scale:
    """Return the common axis of all gaps."""
    keys = ("difference", "high", "null_q95")
    found = [block[key] for block in blocks for key in keys if block.get(key) is not None]
    return Scale(0.0, max(0.1, math.ceil(max(found, default=0.1) * 10) / 10), 6.0, WIDTH - 12.0)


def gap(block: Mapping[str, Any], scale: Scale) -> Bar:
    """Return the marks of one gap."""
    low, high = block.get("low"), block.get("high")

    def at(key: str) -> float | None:
        return None if block.get(key) is None else scale.at(block[key])

    ends = None if low is None or high is None else (scale.at(low), scale.at(high))
    return Bar(at("difference"), ends, at("null_median"), at("null_q95"))


def reliability(report: Report) -> list[dict[str, float]] | None:
    """Return the points of the reliability diagram: place, and ends of the interval of the accuracy."""
    scale = Scale(0.0, 1.0, 0.0, SQUARE)
    points = []
    for point in (report.calibration.get("overall") or {}).get("curve") or []:
        cell = point["accuracy"]
        if cell.get("value") is None or cell.get("low") is None:
            continue
        y = {key: round(SQUARE - scale.at(cell[key]), 1) for key in ("value", "low", "high")}
        points.append({"x": scale.at(point["confidence"]), **y})
    return points or None
