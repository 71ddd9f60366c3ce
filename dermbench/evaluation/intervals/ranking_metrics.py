"""Estimates of ranking metrics, with limits by DeLong, the weighted bootstrap or a grouped jackknife."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, stdtrit

from dermbench.evaluation.core.metric import weighted
from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.intervals.bca import bootstrap_estimate
from dermbench.evaluation.intervals.delong import area_estimate
from dermbench.evaluation.intervals.estimate import Estimate, undefined
from dermbench.evaluation.resampling.bootstrap import bootstrap_weights, leave_parts_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Design, GroupEstimates, Limits

AREA = "auroc_ovr"
"""Metric with a closed-form standard error."""
WORK, MOST_WORK = 6e7, 2e9
"""Images x classes x resamples: above the first number, there are 999 resamples; if these exceed the second
number, the interval comes from a grouped jackknife."""
FEW_RESAMPLES = 999
PARTS = 30
"""Parts of the grouped jackknife."""


def ranking_estimates(design: Design, metric: Metric) -> GroupEstimates:
    """Return a metric of kind ``ranking`` of each group.

    A macro metric has no interval if a class has fewer than 10 images inside or outside of it.
    """
    sample, table = design.sample, design.table
    assert sample.y_prob is not None
    found: GroupEstimates = {}
    pending: list[int] = []
    for group, (name, rows) in enumerate(zip(table.names, table.rows, strict=True)):
        value = table.value(group, metric)
        few = few_cases(sample.y_true[rows]) if metric.macro else None
        if not np.isfinite(value):
            found[name, metric.name] = undefined(metric.undefined_when)
        elif few is not None:
            found[name, metric.name] = Estimate(value, len(rows), reason=few)
        elif metric.name == AREA:
            units = sample.units[rows] if sample.clustered else None
            area = area_estimate(sample.y_true[rows], sample.y_prob[rows], units)
            found[name, metric.name] = replace(area, value=value)
        else:
            pending.append(group)
    made = _resampled(design, metric, pending) if pending else []
    return found | {(table.names[group], metric.name): item for group, item in zip(pending, made, strict=True)}


def few_cases(y_true: NDArray[np.intp]) -> str | None:
    """Say that a class has too few images inside or outside of it; None if all classes have enough."""
    support = np.bincount(y_true)
    support = support[support > 0]
    few = int((np.minimum(support, len(y_true) - support) < ELIGIBLE).sum())
    if not few:
        return None
    return f"no interval: {few} of {len(support)} classes have fewer than {ELIGIBLE} images inside or outside"


def _resampled(design: Design, metric: Metric, pending: Sequence[int]) -> list[Estimate]:
    sample, table = design.sample, design.table
    assert sample.y_prob is not None
    rows, values = [table.rows[group] for group in pending], [table.value(group, metric) for group in pending]
    stream = f"{design.stream} {metric.name}"
    parts = [(r, weighted([metric], sample.y_true[r], sample.y_prob[r])) for r in rows]

    def score(weights: NDArray[Any]) -> NDArray[np.float64]:
        return np.concatenate([of_weights(weights[r]) for r, of_weights in parts], axis=-1)

    one = sum(map(len, rows)) * sample.n_classes
    plan = design.plan.at_most(max(FEW_RESAMPLES, int(WORK / one)))
    if one * plan.n_resamples > MOST_WORK:
        return _by_parts(design, score, stream, values, [len(r) for r in rows])
    replicates, accelerations = bootstrap_weights(sample, score, plan, stream=stream)
    return [
        bootstrap_estimate(
            value, replicates[i], float(accelerations[i]), n=len(rows[i]), n_units=design.n_units[pending[i]]
        )
        for i, value in enumerate(values)
    ]


def _by_parts(
    design: Design,
    score: Callable[[NDArray[Any]], NDArray[np.float64]],
    stream: str,
    values: Sequence[float],
    sizes: Sequence[int],
) -> list[Estimate]:
    left_out = leave_parts_out(design.sample, score, design.plan, stream=stream, n_parts=PARTS)
    k = len(left_out)
    errors = np.sqrt((k - 1) / k * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    return [
        Estimate(value, n, float(se), _student_limits(value, float(se), k))
        for value, se, n in zip(values, errors, sizes, strict=True)
    ]


def _student_limits(value: float, se: float, parts: int) -> Limits:
    """Return limits from Student's law, because the standard error is estimated from few parts."""

    def limits(z: float) -> tuple[float, float, str]:
        half = se * float(stdtrit(parts - 1, ndtr(z)))
        return max(0.0, value - half), min(1.0, value + half), f"Student, jackknife over {parts} parts"

    return limits
