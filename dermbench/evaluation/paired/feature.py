"""The comparison's block of a sensitive feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.artifacts.skin import UNKNOWN
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.scoring import score
from dermbench.evaluation.paired.arrays import Entrants
from dermbench.evaluation.paired.effects import effects
from dermbench.evaluation.paired.extremes import NO_INTERVAL, extremes
from dermbench.evaluation.paired.families import correct_by_metric
from dermbench.evaluation.paired.margin import no_group_lost
from dermbench.evaluation.paired.pairs import LABEL_SWAP
from dermbench.evaluation.paired.pareto import pareto_view
from dermbench.evaluation.paired.screen import LABEL, screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.paired.extremes import Extremes
    from dermbench.evaluation.resampling.plan import Plan

Document = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What is asked of every feature.

    Attributes
    ----------
    candidates, baseline
        What is compared, and the index of the one that the others are compared with.
    metrics
        All that are compared.
    headline
        Those whose worst group, gap, margin and Pareto view are shown.
    declared
        Whether the metrics were chosen by the user, so that they form one family.
    margin
        Largest loss of a group that is accepted, in units of the metric; None not to ask.
    plan
        Number of resamples, and the random numbers.
    """

    candidates: Sequence[Candidate]
    baseline: int
    metrics: Sequence[Metric]
    headline: Sequence[Metric]
    declared: bool
    margin: float | None
    plan: Plan

    @property
    def others(self) -> dict[int, str]:
        """{index: name} of the candidates that are compared with the baseline."""
        return {k: c.name for k, c in enumerate(self.candidates) if k != self.baseline}


def feature_block(question: Question, grouping: Grouping) -> Document:
    """Return {groups, values, differences, worst_group, gap, margin, pareto, screen} of a feature."""
    known = grouping.known()
    groups = known.with_unknown()
    found = effects(question.candidates, question.baseline, question.metrics, groups, question.plan)
    differences = {
        name: {
            group: {m.name: found[k, g, m.name].document() for m in question.metrics}
            for g, group in enumerate(groups.names)
        }
        for k, name in question.others.items()
    }
    tested = (
        (metric, document)
        for by_group in differences.values()
        for group, by_metric in by_group.items()
        if group != UNKNOWN
        for metric, document in by_metric.items()
    )
    correct_by_metric(tested, declared=question.declared)
    counts = [metric for metric in question.headline if metric.kind == "counts"]
    compared = extremes(question.candidates, question.baseline, counts, known, question.plan)
    return {
        "groups": _sizes(question, groups),
        "values": {c.name: _values(c, question.metrics, groups) for c in question.candidates},
        "differences": differences,
        "worst_group": _worst(question, compared),
        "gap": _gaps(question, compared),
        "margin": _margins(question, found, known),
        "pareto": _pareto(question, compared),
        "screen": _screen(question, known),
    }


def _sizes(question: Question, groups: Grouping) -> Document:
    unit = question.candidates[0].samples[0].units
    sizes = {}
    for g, name in enumerate(groups.names):
        rows = groups.codes == g
        sizes[name] = {"n": int(rows.sum()), "units": len(np.unique(unit[rows]))}
    return sizes


def _values(candidate: Candidate, metrics: Sequence[Metric], groups: Grouping) -> Document:
    tables = [group_tables(sample, [groups], metrics)[groups.feature] for sample in candidate.samples]
    averages = np.mean([table.values for table in tables], axis=0)
    return {
        name: {m.name: float(v) if np.isfinite(v) else None for m, v in zip(metrics, values, strict=True)}
        for name, values in zip(groups.names, averages, strict=True)
    }


def _worst(question: Question, compared: Sequence[Extremes]) -> Document:
    blocks: Document = {}
    for found in compared:
        if found.scores is None:
            blocks[found.metric.name] = {"reason": found.reason}
            continue
        worst, order = found.worst(found.values), found.values if found.metric.higher_is_better else -found.values
        blocks[found.metric.name] = {
            "models": {
                c.name: {"group": found.names[int(order[k].argmin())], "value": float(worst[k])}
                for k, c in enumerate(question.candidates)
            },
            "differences": {name: found.worst_effect(k).document() for k, name in question.others.items()},
        } | _classes(question, found)
    _correct(blocks, question)
    return blocks


def _gaps(question: Question, compared: Sequence[Extremes]) -> Document:
    blocks: Document = {}
    for found in compared:
        if found.scores is None:
            blocks[found.metric.name] = {"reason": found.reason}
            continue
        gaps = {c.name: found.gap(k) for k, c in enumerate(question.candidates)}
        first = gaps[question.candidates[question.baseline].name]["value"]
        differences = {
            name: {
                "value": gaps[name]["value"] - first,
                "p_value": float(found.p_gap[k]),
                "test": LABEL_SWAP,
                "reason": NO_INTERVAL,
            }
            for k, name in question.others.items()
        }
        blocks[found.metric.name] = {"models": gaps, "differences": differences} | _classes(question, found)
    _correct(blocks, question)
    return blocks


def _correct(blocks: Document, question: Question) -> None:
    tested = ((m, item) for m, block in blocks.items() for item in block.get("differences", {}).values())
    correct_by_metric(tested, declared=question.declared)


def _classes(question: Question, found: Extremes) -> Document:
    if found.classes is None:
        return {}
    names = question.candidates[0].samples[0].classes
    return {"classes": [names[c] for c in found.classes]}


def _margins(question: Question, found: Any, known: Grouping) -> Document:
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


def _pareto(question: Question, compared: Sequence[Extremes]) -> Document:
    names = [candidate.name for candidate in question.candidates]
    blocks = {}
    for found in compared:
        overall = [np.mean([score(found.metric, s) for s in c.samples]) for c in question.candidates]
        blocks[found.metric.name] = pareto_view(names, np.array(overall, dtype=np.float64), found)
    return blocks


def _screen(question: Question, known: Grouping) -> Document:
    entrants = Entrants.of(question.candidates, question.baseline, METRICS.get("accuracy"))
    classes = question.candidates[0].samples[0].classes
    return {
        "label": LABEL,
        "models": {
            name: screen(entrants, k, known, classes, question.plan) for k, name in question.others.items()
        },
    }
