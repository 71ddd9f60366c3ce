"""Figures of reports, comparisons and plans, drawn by matplotlib; every module here is imported automatically."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.registry import FIGURES, Maker, drawings, figure
from dermbench.reporting.figures.style import css_variables

if TYPE_CHECKING:
    from dermbench.artifacts.comparison import Comparison
    from dermbench.artifacts.plan import Plan
    from dermbench.artifacts.report import Report

__all__ = [
    "FIGURES",
    "Drawing",
    "Maker",
    "comparison_figures",
    "css_variables",
    "figure",
    "plan_figures",
    "report_figures",
]

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")


def report_figures(report: Report) -> dict[str, Drawing]:
    """Return {name: figure} of a report in reading order, for the figures that it has data for."""
    return drawings(report)


def comparison_figures(comparison: Comparison) -> dict[str, Drawing]:
    """Return {name: figure} of a comparison in reading order."""
    return drawings(comparison)


def plan_figures(plan: Plan) -> dict[str, Drawing]:
    """Return {name: figure} of a plan; empty if it has no curve."""
    return drawings(plan)
