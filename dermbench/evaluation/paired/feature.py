"""The record of a comparison in the groups of a sensitive feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.comparison import (
    Difference,
    FeatureComparison,
    FrontModel,
    GroupSize,
    GroupValue,
    MarginAnswer,
    ScreenedChange,
    WorstGroups,
)
from dermbench.artifacts.report import Undefined
from dermbench.artifacts.skin import UNKNOWN
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.paired.arrays import Models
from dermbench.evaluation.paired.effects import effects
from dermbench.evaluation.paired.families import corrected
from dermbench.evaluation.paired.gap_change import gap_changes
from dermbench.evaluation.paired.margin import no_group_lost
from dermbench.evaluation.paired.pareto import pareto_view
from dermbench.evaluation.paired.screen import screen
from dermbench.evaluation.paired.worst import Worst, worst_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.paired.effects import Effects
    from dermbench.evaluation.paired.question import Question

Values = dict[str, dict[str, float | None]]


def compare_groups(question: Question, grouping: Grouping) -> FeatureComparison:
    """Compare the models in the groups of a feature."""
    known = grouping.known()
    groups = known.with_unknown()
    found = effects(question.candidates, question.baseline, question.metrics, groups, question.plan)
    counts = [metric for metric in question.headline if metric.kind == "counts"]
    compared = worst_groups(question.candidates, question.baseline, counts, known, question.plan)
    return FeatureComparison(
        groups=_sizes(question, groups),
        values={c.name: _values(c, question.metrics, groups) for c in question.candidates},
        differences=_differences(question, found, groups),
        worst_group=_worst(question, compared),
        gap=gap_changes(question, grouping),
        margin=_margins(question, found, known),
        pareto={name: _pareto(question, each) for name, each in compared.items()},
        screen=_screen(question, known),
    )


def _sizes(question: Question, groups: Grouping) -> dict[str, GroupSize]:
    unit = question.candidates[0].samples[0].units
    rows = {name: groups.codes == g for g, name in enumerate(groups.names)}
    return {name: GroupSize(n=int(mask.sum()), units=len(np.unique(unit[mask]))) for name, mask in rows.items()}


def _values(candidate: Candidate, metrics: Sequence[Metric], groups: Grouping) -> Values:
    tables = [group_tables(sample, [groups], metrics)[groups.feature] for sample in candidate.samples]
    averages = np.mean([table.values for table in tables], axis=0)
    return {
        name: {m.name: float(v) if np.isfinite(v) else None for m, v in zip(metrics, values, strict=True)}
        for name, values in zip(groups.names, averages, strict=True)
    }


def _differences(
    question: Question, found: Effects, groups: Grouping
) -> dict[str, dict[str, dict[str, Difference]]]:
    """Return {model: {group: {metric: difference}}}; p values of the unknown group are not corrected."""
    known = {key: effect.p_value for key, effect in found.items() if groups.names[key[1]] != UNKNOWN}
    p_holm = corrected(known, declared=question.declared)
    return {
        model: {
            group: {m.name: found[k, g, m.name].record(p_holm.get((k, g, m.name))) for m in question.metrics}
            for g, group in enumerate(groups.names)
        }
        for k, model in question.others.items()
    }


def _worst(question: Question, compared: Mapping[str, Worst | str]) -> dict[str, WorstGroups | Undefined]:
    made = {name: found for name, found in compared.items() if isinstance(found, Worst)}
    found = {(k, name): each.effect(k) for name, each in made.items() for k in question.others}
    p_holm = corrected({key: effect.p_value for key, effect in found.items()}, declared=question.declared)
    classes = question.candidates[0].samples[0].classes
    return {
        name: Undefined(reason=each)
        if isinstance(each, str)
        else WorstGroups(
            models={
                c.name: GroupValue(group=each.names[each.group[k]], value=each.worst[k])
                for k, c in enumerate(question.candidates)
            },
            differences={
                model: found[k, name].record(p_holm.get((k, name))) for k, model in question.others.items()
            },
            classes=None if each.classes is None else tuple(classes[c] for c in each.classes),
        )
        for name, each in compared.items()
    }


def _margins(question: Question, found: Effects, known: Grouping) -> dict[str, dict[str, MarginAnswer]]:
    if question.margin is None:
        return {}
    return {
        metric.name: {
            name: no_group_lost(
                {group: found[k, g, metric.name].estimate for g, group in enumerate(known.names)},
                metric,
                question.margin,
            )
            for k, name in question.others.items()
        }
        for metric in question.headline
    }


def _pareto(question: Question, found: Worst | str) -> dict[str, FrontModel] | Undefined:
    return Undefined(reason=found) if isinstance(found, str) else pareto_view(question.candidates, found)


def _screen(question: Question, known: Grouping) -> dict[str, tuple[ScreenedChange, ...]]:
    models = Models.of(question.candidates, question.baseline, METRICS.get("accuracy"))
    classes = question.candidates[0].samples[0].classes
    return {name: screen(models, k, known, classes, question.plan) for k, name in question.others.items()}
