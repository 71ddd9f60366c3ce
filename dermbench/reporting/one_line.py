"""Summarise a report, a comparison or a plan in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import counted, decimal, feature_words, group_words
from dermbench.reporting.compared.cells import ends_text, signed
from dermbench.reporting.names import metric_title
from dermbench.reporting.sections.disparity import gap_text
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from dermbench.artifacts.comparison import Comparison
    from dermbench.artifacts.plan import Plan
    from dermbench.artifacts.report import Report

NAME = 40
"""Maximum length of a name, in characters."""
FEW = 3
"""Maximum number of models, groups or questions in a line."""


def report_line(report: Report) -> str:
    """Return model, data, n, and the primary gap with its limits."""
    model = "a model" if report.model is None else plain(report.model, limit=NAME)
    about = f"{model} on {_data(report.task, report.split)}, n = {report.n:,}"
    if report.primary is None:
        return about
    metric, feature = report.primary.metric, report.primary.feature
    question = f"{metric_title(metric)} gap by {plain(feature_words(feature), limit=NAME)}"
    row = report.features[feature].disparities.get(metric)
    if row is None or isinstance(row, Undefined):
        reason = "undefined" if row is None else f"undefined ({plain(row.reason)})"
        return f"{about}: {question} {reason}"
    return f"{about}: {question} {gap_text(row)}"


def comparison_line(comparison: Comparison) -> str:
    """Return models, data, n, and each model's difference from the baseline in the ranking metric."""
    baseline, metric = plain(comparison.baseline, limit=NAME), comparison.ranks.metric
    about = f"{_data(comparison.task, comparison.split)}, n = {comparison.n:,}"
    parts = []
    for model, effects in list(comparison.differences.items())[:FEW]:
        effect = effects.get(metric)
        known = effect is not None and effect.value is not None
        ends = f" {ends_text(effect.low, effect.high)}" if known and effect and effect.low is not None else ""
        change = f"{signed(effect.value)}{ends}" if known and effect else "undefined"
        parts.append(f"{plain(model, limit=NAME)} {change}")
    more = len(comparison.differences) - FEW
    parts += [f"and {more} more"] if more > 0 else []
    models = counted(len(comparison.models), "model")
    return f"{models} on {about}: {metric_title(metric)} against {baseline}: {', '.join(parts)}"


def plan_line(plan: Plan) -> str:
    """Return the metric and data of the plan, and its answers."""
    parts = []
    for size in plan.sizes:
        what = "drop" if size.question == "drop" else "margin"
        needed = "no number" if size.units is None else counted(size.units, plan.unit)
        parts.append(f"{what} {decimal(size.amount)} needs {needed} of {group_words([plan.group or ''])}")
    for answer in plan.drops[:FEW]:
        found = "no drop" if answer.drop is None else f"a drop of {decimal(answer.drop)}"
        parts.append(f"{group_words([answer.group])}: {found}")
    more = len(plan.drops) - FEW
    parts += [f"and {counted(more, 'group')} more"] if more > 0 else []
    where = "a new study" if plan.task is None else _data(plan.task, plan.split or "")
    return f"{metric_title(plan.metric)}, {where}: {plain('; '.join(parts), limit=200)}"


def _data(task: str, split: str) -> str:
    return f"{plain(task, limit=NAME)}, {plain(split, limit=NAME)}"
