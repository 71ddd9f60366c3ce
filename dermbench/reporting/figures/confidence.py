"""Reliability diagrams and risk-coverage curves, for all images and each group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.report import Report, Undefined
from dermbench.artifacts.wording import counted, decimal
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.forest import value_text
from dermbench.reporting.figures.lines import MOST_LINES, Line, line_figure
from dermbench.reporting.figures.marks import segments
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.scale import span, tick_text
from dermbench.reporting.figures.style import COLUMN, SMALL_TEXT, canvas, colour, fitted, sheet, words
from dermbench.reporting.figures.unanswered import drawn_as_wrong
from dermbench.reporting.names import feature_title, sorted_groups
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.report import Calibration, ConfidenceCurves, CoveragePoint, CurvePoint

    Panel = tuple[str, tuple[CurvePoint, ...]]

EVERYONE = "all images"
MOST_PANELS = 9
"""Maximum number of panels of the reliability diagram, including the one for all images."""
ACROSS, SIDE, ROOM, TITLE, FOOT = 3, 104.0, 26.0, 20.0, 28.0
"""Panels per row, side of a panel, and space left of, above and below them, in pixels."""
FEWEST = 10
"""Minimum number of answered images for the error to be drawn; with fewer it jumps by more than a tenth."""


@figure("reliability", Report, order=50)
def draw_reliability(report: Report) -> Iterator[Drawing]:
    """Yield the reliability diagram of all images and of each group for which it is known."""
    block = report.calibration
    if isinstance(block, Undefined) or not block.overall.curve:
        return
    curves = block.curves
    groups = (
        {} if curves is None else {name: curves.groups[name].reliability for name in sorted_groups(curves.groups)}
    )
    drawn = {plain(name): points for name, points in groups.items() if points}
    panels = [(EVERYONE, block.overall.curve), *drawn.items()][:MOST_PANELS]
    missing = len(groups) + 1 - len(panels)
    absent = drawn_as_wrong(report)
    by = "" if curves is None or curves.feature is None or not drawn else f" by {feature_title(curves.feature)}"
    more = f" {counted(missing, 'group')} with too few images or no room." if missing and groups else ""
    yield Drawing(
        "reliability",
        f"Reliability of the confidence{by}",
        f"Accuracy against mean confidence in bins of equal mass{by}. "
        f"{_overconfidence(block, named=bool(by))}{absent}",
        f"On the diagonal confidence equals accuracy, below it the model is overconfident. Lines: 95 % intervals; "
        f"grey: all images.{absent}{more}",
        wide=False,
        draw=lambda: _panels(panels),
    )


def _overconfidence(block: Calibration, *, named: bool) -> str:
    """Return confidence minus accuracy of all images and of each group, in words."""
    by, cells = "", {EVERYONE: block.overall.confidence_gap}
    if block.curves is not None and block.curves.feature is not None:
        found = block.features.get(block.curves.feature, {})
        by = "" if named else f" by {feature_title(block.curves.feature)}"
        cells |= {
            plain(name): found[name].confidence_gap for name in sorted_groups(block.curves.groups) if name in found
        }
    said = ", ".join(f"{name} {value_text(cell)}" for name, cell in cells.items())
    return f"Confidence minus accuracy{by}: {said}."


def _panels(panels: Sequence[Panel]) -> Figure:
    across = min(ACROSS, len(panels))
    side = SIDE if across == ACROSS else 230.0 if across == 1 else 175.0
    step = (side + ROOM + 8, side + TITLE + 22)
    rows = math.ceil(len(panels) / across)
    drawn = canvas(min(COLUMN, 20 + across * step[0]), rows * step[1] + FOOT)
    axes = sheet(drawn)
    reached = [place for _, points in panels for p in points for place in (p.confidence, p.accuracy, p.high)]
    end = min(1.0, span(reached, step=0.2)[1])
    for place, (name, points) in enumerate(panels):
        left, top = 20 + ROOM + (place % across) * step[0], TITLE + (place // across) * step[1]
        n = f"{sum(point.n for point in points):,}"
        words(drawn, left, top - 11, fitted(name, side - 7 * len(n) - 8, size=SMALL_TEXT), size=SMALL_TEXT)
        words(drawn, left + side, top - 11, n, ink="soft", size=SMALL_TEXT, align="right")
        frame = Frame(left, top, side, end)
        frame.draw(axes, drawn)
        if place:
            axes.plot(*frame.curve(panels[0][1]), color=colour("soft"), linewidth=1.2)
        ends = [(p.confidence, p.low, p.high) for p in points if p.low is not None and p.high is not None]
        segments(axes, [(frame.x(c), frame.y(low), frame.x(c), frame.y(high)) for c, low, high in ends], "mark")
        axes.plot(*frame.curve(points), color=colour("mark"), linewidth=1.2, marker="o", markersize=4)
    middle = 20 + ROOM + side / 2 + (across - 1) * step[0] / 2
    words(drawn, middle, rows * step[1] + FOOT - 12, "mean confidence", align="center")
    axes.text(7, TITLE + side / 2, "accuracy", rotation=90, ha="center", va="center")
    return drawn


@dataclass(frozen=True)
class Frame:
    """A square of a sheet with axes from 0 to ``end``: place of its upper left corner and its side, in pixels."""

    left: float
    top: float
    side: float
    end: float

    def x(self, value: float) -> float:
        """Return the place of a confidence on the sheet."""
        return self.left + value / self.end * self.side

    def y(self, value: float) -> float:
        """Return the place of an accuracy on the sheet."""
        return self.top + (1 - value / self.end) * self.side

    def curve(self, points: Sequence[CurvePoint]) -> tuple[list[float], list[float]]:
        """Return the places of the bins."""
        return [self.x(point.confidence) for point in points], [self.y(point.accuracy) for point in points]

    def draw(self, axes: Axes, drawn: Figure) -> None:
        """Draw grid, diagonal and numbers."""
        places = [share * self.end for share in (0.0, 0.5, 1.0)]
        grid = [(self.x(v), self.y(0), self.x(v), self.y(self.end)) for v in places[1:]]
        grid += [(self.x(0), self.y(v), self.x(self.end), self.y(v)) for v in places[1:]]
        segments(axes, grid, "faint", width=0.8)
        corner = (self.x(0), self.y(0))
        segments(
            axes,
            [(*corner, self.x(self.end), self.y(0)), (*corner, self.x(0), self.y(self.end))],
            "soft",
            width=0.8,
        )
        segments(axes, [(*corner, self.x(self.end), self.y(self.end))], "soft", width=0.8, dashes=(5, 4))
        for value in places:
            text = tick_text(value, 1)
            words(drawn, self.x(value), self.y(0) + 11, text, ink="soft", size=SMALL_TEXT, align="center")
            words(drawn, self.x(0) - 5, self.y(value), text, ink="soft", size=SMALL_TEXT, align="right")


@figure("risk-coverage", Report, order=60)
def draw_coverage(report: Report) -> Iterator[Drawing]:
    """Yield error against coverage, if the report has the curves."""
    block = report.calibration
    if isinstance(block, Undefined) or block.curves is None:
        return
    curves = block.curves
    shown = [name for name in sorted_groups(curves.groups) if kept_points(curves.groups[name].risk_coverage)]
    lines = coverage_lines(curves, shown[:MOST_LINES])
    if not lines[0].points:
        return
    by = "" if curves.feature is None or not shown else f" by {feature_title(curves.feature)}"
    missing = len(curves.groups) - len(lines) + 1
    more = f" {counted(missing, 'group')} with too few images or no room." if missing else ""
    absent = drawn_as_wrong(report)
    yield Drawing(
        "risk-coverage",
        f"Error against coverage{by}",
        f"Error among the images answered, where the model answers the most confident ones alone{by}. "
        f"{_at_half(lines)}{absent}",
        f"A curve that falls to the left: confident answers are right more often. Drawn from {FEWEST} answered "
        f"images on.{absent}{more}",
        wide=False,
        draw=lambda: line_figure(
            lines,
            across="coverage: share answered",
            up="error among the answered",
            top=span((y for line in lines for _, y in line.points), step=0.2)[1],
        ),
    )


def kept_points(points: Sequence[CoveragePoint]) -> tuple[tuple[float, float], ...]:
    """Return coverage and error of the points with enough answered images."""
    return tuple((point.coverage, point.risk) for point in points if point.n >= FEWEST)


def coverage_lines(curves: ConfidenceCurves, groups: Sequence[str]) -> list[Line]:
    """Return the line of all images, then one per group; the note is the error when all are answered."""
    parts = [
        (EVERYONE, curves.risk_coverage),
        *((plain(name), curves.groups[name].risk_coverage) for name in groups),
    ]
    return [
        Line(name, f"error {decimal(points[-1].risk)}" if points else "", kept_points(points))
        for name, points in parts
    ]


def _at_half(lines: Sequence[Line]) -> str:
    """Return the errors when half of the images and when all images are answered, in words."""
    said = []
    for line in lines:
        half = next(((x, y) for x, y in line.points if x >= 0.5), None)
        if half is not None:
            at, every = f"{decimal(half[1])} at {decimal(half[0])}", decimal(line.points[-1][1])
            said.append(f"{line.name} {at}, {every} at 1")
    return f"By coverage: {'; '.join(said)}."
