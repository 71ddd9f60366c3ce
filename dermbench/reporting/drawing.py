"""Places of the marks in the drawings of an HTML report, in SVG units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.report import Disparity, Undefined
from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import NONE, decimal
from dermbench.reporting.features import shown_features
from dermbench.reporting.names import feature_title, headline_metrics, metric_title, sorted_groups
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.report import Cell, Report
    from dermbench.reporting.sections.disparity import Row

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
    """A gap with its limits, beside the gap that chance alone gives."""

    x: float | None = None
    ends: tuple[float, float] | None = None
    chance: float | None = None


def forest(report: Report) -> Forest | None:
    """Return the forest plot of accuracy (of another metric where there is none); None without a value."""
    name = next(iter(headline_metrics(report.overall, report.first_metrics)), None)
    overall = None if name is None else report.overall[name]
    if name is None or overall is None or overall.value is None:
        return None
    scale = _scale(report, name)
    marks, y = [], TOP + LINE
    for feature in shown_features(report.features):
        y += LINE + GAP
        marks.append(Mark(plain(feature_title(feature)), y))
        groups = report.features[feature].groups
        for label in sorted_groups(groups):
            y += LINE
            group = groups[label]
            marks.append(_mark(label, group.n, group.cells.get(name), scale, y, small=group.small))
    whole = _mark("all images", report.n, overall, scale, TOP + LINE)
    return Forest(metric_title(name), y + LINE, scale.ticks(), marks, whole)


def _scale(report: Report, name: str) -> Scale:
    groups = [group for feature in report.features.values() for group in feature.groups.values()]
    cells = [report.overall[name], *(group.cells[name] for group in groups if name in group.cells)]
    values = [end for cell in cells for end in (cell.value, cell.low, cell.high) if end is not None]
    low, high = math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10
    return Scale(low, max(high, low + 0.1), LABEL, PLOT)


def _mark(label: str, n: int, cell: Cell | None, scale: Scale, y: float, *, small: bool = False) -> Mark:
    counted = n if cell is None or cell.n is None else cell.n
    shown, size = plain(label, limit=32), f"n = {counted:,}"
    if cell is None or cell.value is None:
        return Mark(shown, y, size, NONE)
    text = cell_text(cell, Footnotes()).rstrip("⁰¹²³⁴⁵⁶⁷⁸⁹")
    ends = None if cell.low is None or cell.high is None else (scale.at(cell.low), scale.at(cell.high))
    return Mark(shown, y, size, text, scale.at(cell.value), ends, hollow=small or label == UNKNOWN)


def gap_scale(rows: Sequence[Row]) -> Scale:
    """Return the common axis of all gaps."""
    known = [row for row in rows if isinstance(row, Disparity)]
    found = [end for row in known for end in (row.gap, row.high, row.chance) if end is not None]
    return Scale(0.0, max(0.1, math.ceil(max(found, default=0.1) * 10) / 10), 6.0, WIDTH - 12.0)


def gap(row: Row, scale: Scale) -> Bar:
    """Return the marks of one gap."""
    if not isinstance(row, Disparity):
        return Bar()
    ends = None if row.low is None or row.high is None else (scale.at(row.low), scale.at(row.high))
    return Bar(scale.at(row.gap), ends, None if row.chance is None else scale.at(row.chance))


def reliability(report: Report) -> list[dict[str, float]] | None:
    """Return the points of the reliability diagram: place, and ends of the interval of the accuracy."""
    if isinstance(report.calibration, Undefined):
        return None
    scale = Scale(0.0, 1.0, 0.0, SQUARE)
    points = []
    for point in report.calibration.overall.curve:
        low, high = (point.accuracy if end is None else end for end in (point.low, point.high))
        ends = {"value": point.accuracy, "low": low, "high": high}
        points.append(
            {"x": scale.at(point.confidence)} | {key: round(SQUARE - scale.at(y), 1) for key, y in ends.items()}
        )
    return points or None
