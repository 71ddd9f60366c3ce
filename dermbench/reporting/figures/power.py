"""The curve of a plan: power against units or against the drop, with the simulations as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.plan import Plan
from dermbench.artifacts.wording import decimal, group_words
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.lines import MOST_LINES, PLOT, ROW, Line, draw_line, ink_of, name_lines
from dermbench.reporting.figures.marks import segments
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.scale import tick_text, ticks
from dermbench.reporting.figures.style import COLUMN, canvas, colour, panel, sheet, words
from dermbench.reporting.names import metric_title
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.plan import Curve


@figure("power", Plan, order=10)
def draw_power(plan: Plan) -> Iterator[Drawing]:
    """Yield the curves of a plan."""
    curves = plan.curves[:MOST_LINES]
    if not curves:
        return
    units = any(curve.axis == "units" for curve in curves)
    across = (
        f"{plan.unit}s of {group_words([plan.group or ''])}" if units else f"drop in {metric_title(plan.metric)}"
    )
    lines = [_line(plan, curve) for curve in curves]
    named = "; ".join(
        f"{line.name} {line.note}: {_reached(plan, curve)}" for line, curve in zip(lines, curves, strict=True)
    )
    yield Drawing(
        "power",
        f"Power by {plain(across)}",
        f"Power against {plain(across)}. {named}.",
        f"Lines: closed form, corrected by simulations. Dots: simulated. Dashed: power {decimal(plan.power)}.",
        wide=False,
        draw=lambda: _draw(plan, curves, lines, plain(across)),
    )


def _line(plan: Plan, curve: Curve) -> Line:
    points = tuple((point.x, point.power) for point in curve.points)
    if curve.axis == "drop":
        return Line(group_words([plain(curve.group)]), f"n = {plan.groups[curve.group].images:,}", points)
    what = "find a drop" if curve.question == "drop" else "show any gap"
    return Line(what, f"{'of' if curve.question == 'drop' else 'below'} {decimal(curve.amount or 0.0)}", points)


def _reached(plan: Plan, curve: Curve) -> str:
    """Return in words where the target power is reached, or else what the curve shows."""
    answer = _answer(plan, curve)
    if answer is not None:
        return f"{decimal(plan.power)} from {f'{answer:,.0f}' if curve.axis == 'units' else decimal(answer)} on"
    found = next((point for point in curve.points if point.power >= plan.power), None)
    if found is None:
        return f"{decimal(curve.points[-1].power)} at most"
    return f"{decimal(found.power)} at {f'{found.x:,.0f}' if curve.axis == 'units' else decimal(found.x)}"


def _answer(plan: Plan, curve: Curve) -> float | None:
    """Return the number of units, or the drop, that the plan gives as its answer."""
    if curve.axis == "units":
        sizes = [size for size in plan.sizes if (size.question, size.amount) == (curve.question, curve.amount)]
        return next((size.units for size in sizes), None)
    return next((answer.drop for answer in plan.drops if answer.group == curve.group), None)


def _draw(plan: Plan, curves: Sequence[Curve], lines: Sequence[Line], across: str) -> Figure:
    left, above, width, height = PLOT
    drawn = canvas(COLUMN, max(above + height + 44, above + ROW * len(lines)))
    reached = [curve for curve in curves if curve.points[-1].power >= plan.power]
    axes = _axes(drawn, curves, end=max(map(_end, reached or curves)))
    segments(axes, [(axes.get_xlim()[0], plan.power, axes.get_xlim()[1], plan.power)], "soft", dashes=(4, 3))
    for place, (curve, line) in enumerate(zip(curves, lines, strict=True), start=1):
        kept = tuple(point for point in line.points if point[0] <= axes.get_xlim()[1])
        draw_line(axes, Line(line.name, line.note, kept), place)
        dots = [(point.x, point.power) for point in curve.simulated if point.x <= axes.get_xlim()[1]]
        if dots:
            axes.plot(*zip(*dots, strict=True), "o", color=colour(ink_of(place)), markersize=7, clip_on=False)
    words(drawn, left + width / 2, above + height + 36, across, align="center")
    paper = sheet(drawn)
    paper.text(8, above + height / 2, "power", rotation=90, ha="center", va="center")
    name_lines(drawn, paper, lines, first=1)
    return drawn


def _axes(drawn: Figure, curves: Sequence[Curve], *, end: float) -> Axes:
    axes = panel(drawn, *PLOT)
    units = any(curve.axis == "units" for curve in curves)
    start = min(curve.points[0].x for curve in curves) if units else 0.0
    axes.set_xlim(start, end)
    axes.set_ylim(0, 1)
    places = ticks(start, end, most=5)
    axes.set_xticks(places, [f"{place:,.0f}" if units else tick_text(place, 2) for place in places])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".50", ".75", "1"])
    axes.tick_params(left=True, labelleft=True)
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(colour("soft"))
    axes.grid(color=colour("faint"), linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def _end(curve: Curve) -> float:
    """Return the end of the x axis: the last number of units, or the first drop with a power of .99."""
    if curve.axis == "units":
        return curve.points[-1].x
    return next((point.x for point in curve.points if point.power >= 0.99), curve.points[-1].x)
