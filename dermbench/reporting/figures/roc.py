"""ROC curves of all images and of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Report
from dermbench.artifacts.wording import counted, enumerated
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.forest import value_text
from dermbench.reporting.figures.lines import MOST_LINES, Line, line_figure
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.unanswered import drawn_as_wrong
from dermbench.reporting.names import feature_title, sorted_groups
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.artifacts.report import Discrimination


@figure("roc", Report, order=70)
def draw_roc(report: Report) -> Iterator[Drawing]:
    """Yield the ROC curves, if there are positive classes and probabilities."""
    block = report.clinical
    if block is None or not block.overall.roc:
        return
    groups = [name for name in sorted_groups(block.groups) if block.groups[name].roc]
    shown = groups[:MOST_LINES]
    parts = [("all images", block.overall), *((name, block.groups[name]) for name in shown)]
    by = "" if block.feature is None or not groups else f" by {feature_title(block.feature)}"
    named = ", ".join(f"{plain(name)} {value_text(part.auroc)}" for name, part in parts)
    of = "" if report.positive is None else f" for {enumerated(map(plain, report.positive.classes[:3]))}"
    left_out = len(groups) - len(shown)
    absent = drawn_as_wrong(report)
    more = f" {counted(left_out, 'further group')} not drawn." if left_out else ""
    yield Drawing(
        "roc",
        f"ROC curves{by}",
        f"Sensitivity against 1 \N{MINUS SIGN} specificity{of}{by}; area: {named}.{absent}",
        f"Curves of small groups move in large steps. Below each name: area under the curve.{absent}{more}",
        wide=False,
        draw=lambda: line_figure(
            [_line(name, part) for name, part in parts],
            across="1 \N{MINUS SIGN} specificity",
            up="sensitivity",
            top=1.0,
            diagonal=True,
        ),
    )


def _line(name: str, part: Discrimination) -> Line:
    return Line(
        plain(name),
        value_text(part.auroc),
        tuple((point.false_positive, point.true_positive) for point in part.roc),
    )
