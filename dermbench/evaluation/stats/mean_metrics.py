"""Estimates of metrics that are means over images of a value of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.stats.bootstrap import FEW_UNITS, bootstrap_estimate, bootstrap_sums
from dermbench.evaluation.stats.estimates import Estimate, normal_limits, undefined
from dermbench.evaluation.stats.proportions import share_estimate
from dermbench.evaluation.stats.resample import sum_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.stats.problem import Estimates, Problem

LARGE = 20_000
"""Units from which on a mean gets a normal interval: the bootstrap's ends differ by less than 1 % of its width."""


def mean_estimates(problem: Problem, metrics: Sequence[Metric]) -> Estimates:
    """Return metrics of kind ``mean`` of each group, see :func:`dermbench.evaluation.stats.groups.estimate`."""
    sample = problem.sample
    found: Estimates = {}
    smooth: dict[str, NDArray[np.float64]] = {}
    for metric in metrics:
        values = np.asarray(metric.score(sample.y_true, sample.y_prob), dtype=np.float64)
        if not metric.proportion and np.isfinite(values).all():
            smooth[metric.name] = values
            continue
        for group, rows in enumerate(problem.rows):
            if len(rows) == 0 or not np.isfinite(values[rows]).all():
                found[group, metric.name] = undefined(metric.undefined_when, len(rows))
            else:
                found[group, metric.name] = _share(problem, rows, values)
    return found | _smooth(problem, [m for m in metrics if m.name in smooth], smooth)


def _share(problem: Problem, rows: NDArray[np.intp], values: NDArray[np.float64]) -> Estimate:
    sample, value = problem.sample, float(values[rows].mean())
    if not sample.clustered:
        return share_estimate(value, len(rows))
    successes = np.bincount(sample.units[rows], weights=values[rows], minlength=sample.n_units).astype(np.float64)
    trials = np.bincount(sample.units[rows], minlength=sample.n_units).astype(np.float64)
    return share_estimate(value, len(rows), (successes, trials))


def _smooth(problem: Problem, metrics: Sequence[Metric], values: dict[str, NDArray[np.float64]]) -> Estimates:
    if not metrics:
        return {}
    if problem.sample.n_units > LARGE:
        return {
            (g, m.name): _normal(problem, m, rows, values[m.name])
            for g, rows in enumerate(problem.rows)
            for m in metrics
        }
    stack = np.stack([values[m.name] for m in metrics])
    cells = sum_cells(problem.sample, problem.grouping.codes, problem.n_groups, stack)
    point = group_means(cells.totals()[:, None], len(stack))[0]
    replicates, accelerations = bootstrap_sums(
        cells,
        lambda sums: group_means(sums, len(stack)),
        len(stack) + 1,
        problem.plan,
        stream=f"{problem.stream} means",
    )
    return {
        (g, m.name): bootstrap_estimate(
            float(point[g, i]),
            replicates[:, g, i],
            accelerations[g, i],
            n=len(rows),
            n_units=problem.n_units[g],
        )
        if len(rows)
        else undefined(m.undefined_when, 0)
        for g, rows in enumerate(problem.rows)
        for i, m in enumerate(metrics)
    }


def group_means(sums: NDArray[Any], n_values: int) -> NDArray[np.float64]:
    """Turn slot sums (count, then values, a group) into means, shape (n, n_groups, n_values); NaN for no image."""
    parts = np.moveaxis(sums.reshape(-1, n_values + 1, sums.shape[-1]), -1, 0)
    means: NDArray[np.float64] = np.full(parts[..., 1:].shape, np.nan)
    np.divide(parts[..., 1:], parts[..., :1], out=means, where=parts[..., :1] > 0)
    return means


def _normal(problem: Problem, metric: Metric, rows: NDArray[np.intp], values: NDArray[np.float64]) -> Estimate:
    """Return the mean with a normal interval from the spread between units."""
    n = len(rows)
    if n == 0:
        return undefined(metric.undefined_when, 0)
    value = float(values[rows].mean())
    units = np.unique(problem.sample.units[rows], return_inverse=True)[1]
    sums = np.bincount(units, weights=values[rows] - value)
    m = len(sums)
    if m < FEW_UNITS:
        return Estimate(value, n, reason=f"{m} independent units, an interval needs {FEW_UNITS}")
    se = float(np.sqrt(m / (m - 1) * np.sum(sums**2)) / n)
    return Estimate(value, n, se, normal_limits(value, se, metric.bounds, method="normal, spread between units"))
