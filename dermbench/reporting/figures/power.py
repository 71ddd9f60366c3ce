"""The curve of a plan: power against units or against the drop, with the simulations as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.plan import Plan
from dermbench.artifacts.wording import decimal, group_words
from dermbench.reporting.figures.comparison import GREY, INK, _canvas
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.found import figure
from dermbench.reporting.figures.style import CATEGORIES, colour
from dermbench.reporting.names import metric_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.plan import Curve


@figure("power", Plan, order=10)
def draw_power(plan: Plan) -> Iterator[Drawing]:
    """Yield the curves of a plan."""
    if plan.curves:
        yield Drawing(
            "power",
            "Power",
            f"Power against {'units' if plan.kind == 'new_study' else 'the drop'}, {len(plan.curves)} curves.",
            f"Dots: simulated; dashed: {decimal(plan.power)}.",
            wide=True,
            draw=lambda: curve_figure(plan),
        )


def curve_figure(plan: Plan) -> Figure:
    """Draw power against units or the drop: lines are the corrected closed form, dots are simulations."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - slow to import

    drawn, axes = _canvas(6.0, 3.8)
    for place, curve in enumerate(plan.curves):
        _draw(axes, plan, curve, colour(CATEGORIES[place % len(CATEGORIES)]))
    axes.axhline(plan.power, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=plan.kind == "new_study"))
    units = any(curve.axis == "units" for curve in plan.curves)
    if units:
        axes.set_xlabel(f"{plan.unit}s of {group_words([plan.group or ''])}", color=INK)
    else:
        axes.set_xlim(0, max(map(_end, plan.curves)))
        axes.set_xlabel(f"drop in {metric_title(plan.metric)} of one group", color=INK)
    axes.set_ylabel("power", color=INK)
    axes.set_title(f"Dots: simulated; dashed: {decimal(plan.power)}", loc="left", color=INK, fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    return drawn


def _end(curve: Curve) -> float:
    """Return the first x with a power of .99, or the last one."""
    return next((point.x for point in curve.points if point.power >= 0.99), curve.points[-1].x)


def _draw(axes: Axes, plan: Plan, curve: Curve, shade: str) -> None:
    if curve.axis == "drop":
        label = f"{group_words([curve.group])} (n = {plan.groups[curve.group].images:,})"
    else:
        what = "find a drop of" if curve.question == "drop" else "show any gap below"
        label = f"{what} {decimal(curve.amount or 0.0)}"
    axes.plot([p.x for p in curve.points], [p.power for p in curve.points], color=shade, label=label)
    axes.plot([p.x for p in curve.simulated], [p.power for p in curve.simulated], "o", color=shade, markersize=3)
