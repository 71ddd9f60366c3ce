"""Estimates of metrics of how the probabilities order the images: DeLong, or the weighted bootstrap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, stdtrit

from dermbench.evaluation.core.metric import weighted
from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.core.scoring import cut_classes
from dermbench.evaluation.intervals.bca import bootstrap_estimate
from dermbench.evaluation.intervals.delong import area_estimate
from dermbench.evaluation.intervals.estimate import Estimate, undefined
from dermbench.evaluation.resampling.bootstrap import bootstrap_weights, leave_parts_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Estimates, Limits
    from dermbench.evaluation.resampling.design import Problem

AREA = "auroc_ovr"
"""Metric with a closed-form standard error."""
WORK, MOST_WORK = 6e7, 2e9
"""Images x classes x resamples: above the first, resamples are cut to 999; where these exceed the second, the
interval comes from a grouped jackknife."""
FEW_RESAMPLES = 999
PARTS = 30
"""Parts of the grouped jackknife."""


def ranking_estimates(problem: Problem, metric: Metric) -> Estimates:
    """Return a metric of kind ``ranking`` of each group.

    A macro metric has no interval where a class has fewer than 10 images inside or outside of it.
    """
    assert problem.sample.y_prob is not None
    classes = problem.classes if metric.macro else None
    y_true, y_prob = cut_classes(problem.sample.y_true, problem.sample.y_prob, classes)
    found: Estimates = {}
    pending: list[tuple[int, float]] = []
    values = problem.values([metric])[:, 0]
    for group, (rows, value) in enumerate(zip(problem.rows, map(float, values), strict=True)):
        few = few_cases(y_true[rows]) if metric.macro else None
        if not np.isfinite(value):
            found[group, metric.name] = undefined(metric.undefined_when, len(rows))
        elif few is not None:
            found[group, metric.name] = Estimate(value, len(rows), reason=few)
        elif metric.name == AREA:
            units = problem.sample.units[rows] if problem.sample.clustered else None
            found[group, metric.name] = replace(area_estimate(y_true[rows], y_prob[rows], units), value=value)
        else:
            pending.append((group, value))
    made = _resampled(problem, metric, y_true, y_prob, pending) if pending else []
    return found | {(group, metric.name): item for (group, _), item in zip(pending, made, strict=True)}


def few_cases(y_true: NDArray[np.intp]) -> str | None:
    """Say that a class has too few images inside or outside of it; None where all have enough."""
    support = np.bincount(y_true[y_true >= 0])
    support = support[support > 0]
    few = int((np.minimum(support, len(y_true) - support) < ELIGIBLE).sum())
    if not few:
        return None
    return f"no interval: {few} of {len(support)} classes have fewer than {ELIGIBLE} images inside or outside"


def _resampled(
    problem: Problem,
    metric: Metric,
    y_true: NDArray[np.intp],
    y_prob: NDArray[np.float64],
    pending: Sequence[tuple[int, float]],
) -> list[Estimate]:
    rows = [problem.rows[group] for group, _ in pending]
    stream = f"{problem.stream} {metric.name}"

    parts = [(r, weighted([metric], y_true[r], y_prob[r])) for r in rows]

    def score(weights: NDArray[Any]) -> NDArray[np.float64]:
        return np.concatenate([of_weights(weights[r]) for r, of_weights in parts], axis=-1)

    one = sum(map(len, rows)) * y_prob.shape[1]
    plan = problem.plan.at_most(max(FEW_RESAMPLES, int(WORK / one)))
    if one * plan.n_resamples > MOST_WORK:
        return _by_parts(problem, score, stream, [value for _, value in pending], [len(r) for r in rows])
    replicates, accelerations = bootstrap_weights(problem.sample, score, plan, stream=stream)
    return [
        bootstrap_estimate(
            value,
            replicates[i],
            float(accelerations[i]),
            n=len(problem.rows[group]),
            n_units=problem.n_units[group],
        )
        for i, (group, value) in enumerate(pending)
    ]


def _by_parts(
    problem: Problem,
    score: Callable[[NDArray[Any]], NDArray[np.float64]],
    stream: str,
    values: Sequence[float],
    sizes: Sequence[int],
) -> list[Estimate]:
    left_out = leave_parts_out(problem.sample, score, problem.plan, stream=stream, n_parts=PARTS)
    k = len(left_out)
    errors = np.sqrt((k - 1) / k * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    return [
        Estimate(value, n, float(se), _student_limits(value, float(se), k))
        for value, se, n in zip(values, errors, sizes, strict=True)
    ]


def _student_limits(value: float, se: float, parts: int) -> Limits:
    """Return limits from Student's law, because the standard error comes from few parts."""

    def limits(z: float) -> tuple[float, float, str]:
        half = se * float(stdtrit(parts - 1, ndtr(z)))
        return max(0.0, value - half), min(1.0, value + half), f"Student, jackknife over {parts} parts"

    return limits
