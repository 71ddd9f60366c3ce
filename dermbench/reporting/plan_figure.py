"""The curve of a plan: power against units or against the drop, with the simulations as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.files import atomic_path
from dermbench.artifacts.wording import decimal, group_words
from dermbench.reporting.comparison_figures import GREY, INK, STYLE, _canvas
from dermbench.reporting.names import metric_title

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.plan import Curve, Plan


def write_curve(plan: Plan, path: Path) -> None:
    """Draw the curves of a plan as SVG; the same plan gives the same bytes."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    with mpl.rc_context():
        mpl.rcParams.update(STYLE)  # type: ignore[arg-type]  # the stubs want literal keys
        figure = curve_figure(plan)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def curve_figure(plan: Plan) -> Figure:
    """Draw power against units or the drop: lines are the corrected closed form, dots are simulations."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - slow to import

    figure, axes = _canvas(6.0, 3.8)
    for place, curve in enumerate(plan.curves):
        _draw(axes, plan, curve, f"C{place % 10}")
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
    return figure


def _end(curve: Curve) -> float:
    """Return the first x with a power of .99, or the last one."""
    return next((point.x for point in curve.points if point.power >= 0.99), curve.points[-1].x)


def _draw(axes: Axes, plan: Plan, curve: Curve, colour: str) -> None:
    if curve.axis == "drop":
        label = f"{group_words([curve.group])} (n = {plan.groups[curve.group].images:,})"
    else:
        what = "find a drop of" if curve.question == "drop" else "show any gap below"
        label = f"{what} {decimal(curve.amount or 0.0)}"
    axes.plot([p.x for p in curve.points], [p.power for p in curve.points], color=colour, label=label)
    axes.plot([p.x for p in curve.simulated], [p.power for p in curve.simulated], "o", color=colour, markersize=3)
