"""The primary gap on one line: gap, limits, and the gap expected by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Disparity, Report
from dermbench.artifacts.wording import decimal, limit, p_value
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.scale import set_axis, span
from dermbench.reporting.figures.style import COLUMN, SMALL_TEXT, canvas, colour, panel
from dermbench.reporting.names import feature_title, metric_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT, LEFT, TOP, BAR = 118.0, 16.0, 6.0, 88.0
"""Height of the drawing, space beside and above the axes, and their height, in pixels."""
NAMES, LINE, LIMITS, CHANCE = 9.0, 28.0, 47.0, 71.0
"""Rows of names, of the gap, of its limits and of chance, in pixels below the upper end of the axes."""
APART = 160.0
"""Minimum distance of the limits, in pixels, for each to have its own text below its end."""


@figure("gap", Report, order=10)
def draw_gap(report: Report) -> Iterator[Drawing]:
    """Yield the primary gap, if there is one."""
    asked = report.primary
    if asked is None or asked.feature not in report.features:
        return
    row = report.features[asked.feature].disparities.get(asked.metric)
    if not isinstance(row, Disparity):
        return
    title = f"Gap in {metric_title(asked.metric)} by {feature_title(asked.feature)}"
    yield Drawing(
        "gap",
        title,
        f"{title}: {_said(row)}.",
        "Dot: the gap measured here. Line: what it is at least and at most (95 %). Square: by chance alone.",
        wide=False,
        draw=lambda: _draw(row),
    )


def _said(row: Disparity) -> str:
    """Return gap, limits, chance, margin and p-value in words."""
    margin = None if row.verdict is None else row.verdict.margin
    parts = [
        decimal(row.gap),
        "no lower limit" if row.low is None else f"at least {limit(row.low)}",
        "no upper limit" if row.high is None else f"at most {decimal(row.high)}",
        *([] if row.chance is None else [f"{decimal(row.chance)} by chance alone"]),
        *([] if margin is None else [f"stated margin {decimal(margin)}"]),
        *([] if row.p_value is None else [f"p {p_value(row.p_value)}"]),
    ]
    return ", ".join(parts)


def _draw(row: Disparity) -> Figure:
    drawn = canvas(COLUMN, HEIGHT)
    axes = panel(drawn, LEFT, TOP, COLUMN - 2 * LEFT, BAR)
    axes.set_ylim(BAR, 0)
    margin = None if row.verdict is None else row.verdict.margin
    low, high = span([0.0, row.gap, row.low, row.high, row.chance, margin])
    set_axis(axes, low, high, most=7)
    _gap(axes, row, high)
    _limits(axes, row, high)
    if row.chance is not None:
        axes.plot(row.chance, CHANCE, "s", color=colour("soft"), markersize=7)
        side, gap = ("left", 9) if row.chance < 0.6 * high else ("right", -9)
        shift = gap * high / (COLUMN - 2 * LEFT)
        _text(axes, row.chance + shift, CHANCE, f"by chance {decimal(row.chance)}", ink="soft", align=side)
    if margin is not None:
        axes.plot([margin] * 2, [0, BAR], color=colour("accent"), linewidth=1.4, dashes=(4, 3))
        side, shift = ("left", 0.012 * high) if margin >= row.gap else ("right", -0.012 * high)
        side, shift = ("right", -shift) if margin > 0.75 * high else (side, shift)
        _text(axes, margin + shift, CHANCE, f"margin {decimal(margin)}", ink="accent", align=side)
    return drawn


def _gap(axes: Axes, row: Disparity, end: float) -> None:
    """Draw the gap on its line, which ends in an arrow if there is no upper limit."""
    ends = [0.0 if row.low is None else row.low, end if row.high is None else row.high]
    axes.plot(ends, [LINE] * 2, color=colour("mark"), linewidth=3, solid_capstyle="butt")
    if row.low is not None:
        axes.plot(row.low, LINE, "|", color=colour("mark"), markersize=12, markeredgewidth=2)
    axes.plot(
        ends[1], LINE, "|" if row.high is not None else ">", color=colour("mark"), markersize=12, markeredgewidth=2
    )
    axes.plot(row.gap, LINE, "o", color=colour("mark"), markersize=11)
    _text(axes, row.gap, NAMES, f"gap {decimal(row.gap)}", align=_side(row.gap, end), bold=True)


def _limits(axes: Axes, row: Disparity, end: float) -> None:
    """Write each limit below its end, or both in one line if the ends are close."""
    left = "no lower limit" if row.low is None else f"at least {limit(row.low)}"
    right = "no upper limit" if row.high is None else f"at most {decimal(row.high)}"
    ends = [0.0 if row.low is None else row.low, end if row.high is None else row.high]
    if (ends[1] - ends[0]) / end * (COLUMN - 2 * LEFT) >= APART:
        _text(axes, ends[0], LIMITS, left, align="left")
        _text(axes, ends[1], LIMITS, right, align="right")
    else:
        middle = sum(ends) / 2
        _text(
            axes,
            {"left": ends[0], "right": ends[1]}.get(_side(middle, end), middle),
            LIMITS,
            f"{left}, {right}",
            align=_side(middle, end),
        )


def _side(x: float, end: float) -> str:
    """Return which side of a text is at ``x``, so that it stays within the axis."""
    return "left" if x < 0.2 * end else "right" if x > 0.8 * end else "center"


def _text(axes: Axes, x: float, y: float, text: str, *, ink: str = "ink", align: str, bold: bool = False) -> None:
    weight = "bold" if bold else "normal"
    axes.text(x, y, text, color=colour(ink), size=SMALL_TEXT, ha=align, va="center_baseline", weight=weight)
