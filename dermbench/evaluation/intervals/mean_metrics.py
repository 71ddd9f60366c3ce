"""Estimates of metrics that are means over images of a value of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from dermbench.evaluation.intervals.bca import ordered, too_few_units
from dermbench.evaluation.intervals.estimate import Estimate, normal_limits, undefined
from dermbench.evaluation.intervals.proportions import share_estimate
from dermbench.evaluation.resampling.resample import Cells, replicate, sum_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Estimates
    from dermbench.evaluation.resampling.design import Problem

FEW, WARNING = 60, "; of fewer than 60 units, it covers a little less than 95 %"
"""Units below which the interval of a skewed loss is flagged: log loss covers .93 of the time with 30."""
LARGE = 20_000
"""Units from which on a mean gets a normal interval: the bootstrap's ends differ by less than 1 % of its width."""


def mean_estimates(problem: Problem, metrics: Sequence[Metric]) -> Estimates:
    """Return metrics of kind ``mean`` of each group, see :func:`.every_metric.estimate`."""
    sample = problem.sample
    found: Estimates = {}
    smooth: dict[str, NDArray[np.float64]] = {}
    averages = dict(zip([m.name for m in metrics], problem.values(metrics).T, strict=True))
    for metric in metrics:
        values = np.asarray(metric.score(sample.y_true, sample.y_prob), dtype=np.float64)
        if not metric.proportion and np.isfinite(values).all():
            smooth[metric.name] = values
            continue
        for group, rows in enumerate(problem.rows):
            if len(rows) == 0 or not np.isfinite(values[rows]).all():
                found[group, metric.name] = undefined(metric.undefined_when, len(rows))
            else:
                found[group, metric.name] = _share(problem, rows, values, float(averages[metric.name][group]))
    return found | _smooth(problem, [m for m in metrics if m.name in smooth], smooth)


def _share(problem: Problem, rows: NDArray[np.intp], values: NDArray[np.float64], value: float) -> Estimate:
    sample = problem.sample
    if not sample.clustered:
        return share_estimate(value, len(rows))
    successes = np.bincount(sample.units[rows], weights=values[rows], minlength=sample.n_units).astype(np.float64)
    trials = np.bincount(sample.units[rows], minlength=sample.n_units).astype(np.float64)
    return share_estimate(value, len(rows), (successes, trials))


def _smooth(problem: Problem, metrics: Sequence[Metric], values: dict[str, NDArray[np.float64]]) -> Estimates:
    if not metrics:
        return {}
    averages = problem.values(metrics)
    if problem.sample.n_units > LARGE:
        return {
            (g, m.name): _normal(problem, m, rows, values[m.name], float(averages[g, i]))
            for g, rows in enumerate(problem.rows)
            for i, m in enumerate(metrics)
        }
    stack = np.stack([values[m.name] for m in metrics])
    cells = with_squares(sum_cells(problem.sample, problem.grouping.codes, problem.n_groups, stack), len(stack))
    point, errors = (part[0] for part in studentised(cells.totals()[:, None], len(stack)))
    units = np.array(problem.n_units)[:, None]
    errors = errors * np.sqrt(units / np.maximum(units - 1, 1))

    def pivots(sums: NDArray[Any]) -> NDArray[np.float64]:
        means, spread = studentised(sums, len(stack))
        pivot: NDArray[np.float64] = np.full(means.shape, np.nan)
        np.divide(means - point, spread, out=pivot, where=spread > 0)
        return pivot

    drawn = replicate(cells, pivots, problem.plan, stream=f"{problem.stream} means")
    return {
        (g, m.name): pivotal_estimate(
            m,
            float(averages[g, i]),
            float(errors[g, i]),
            drawn[g, i],
            n=len(rows),
            n_units=problem.n_units[g],
        )
        for g, rows in enumerate(problem.rows)
        for i, m in enumerate(metrics)
    }


def with_squares(cells: Cells, n_values: int) -> Cells:
    """Add to each group's slots (count n, sums s) those of n², s·n and s², which make up a standard error."""
    width = n_values + 1
    matrix = cells.matrix.astype(np.float64)
    parts = []
    for start in range(0, matrix.shape[0], width):
        block = matrix[start : start + width]
        count = sparse.vstack([block[:1]] * width)
        sums = block[1:]
        parts += [block, block.multiply(count), sums.multiply(sums)]
    return Cells(cells.counts, sparse.csr_array(sparse.vstack(parts, format="csr")))


def studentised(sums: NDArray[Any], n_values: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return group means and their standard errors from the sums of :func:`with_squares`.

    Parameters
    ----------
    sums
        Shape (n_groups * (3 n_values + 2), n).
    n_values
        Number of values that are averaged.

    Returns
    -------
    means, errors
        Shape (n, n_groups, n_values); NaN for no image. The errors are sqrt(Σ(s - mean·n)²)/Σn over units.
    """
    parts = np.moveaxis(sums.reshape(-1, 3 * n_values + 2, sums.shape[-1]), -1, 0)
    k = n_values
    n, s, nn, sn, ss = np.split(parts, [1, k + 1, k + 2, 2 * k + 2], axis=-1)
    means: NDArray[np.float64] = np.full(s.shape, np.nan)
    np.divide(s, n, out=means, where=n > 0)
    square = np.maximum(ss - 2 * means * sn + means**2 * nn, 0.0)
    errors: NDArray[np.float64] = np.full(s.shape, np.nan)
    np.divide(np.sqrt(square), n, out=errors, where=n > 0)
    return means, errors


def pivotal_estimate(
    metric: Metric,
    value: float,
    se: float,
    pivots: NDArray[np.float64],
    *,
    n: int,
    n_units: int,
) -> Estimate:
    """Return a mean with bootstrap-t limits: value - quantile of (mean* - mean)/se* times se.

    Parameters
    ----------
    metric
        Gives the bounds.
    value, se
        The mean and its standard error.
    pivots
        Studentised replicates, NaN where a resample has no spread, shape (n_resamples,).
    n, n_units
        Images and independent units.

    References
    ----------
    Hall (1988), Annals of Statistics 16, 927-953.
    """
    if n == 0:
        return undefined(metric.undefined_when, 0)
    few = too_few_units(n, n_units)
    if few is not None:
        return Estimate(value, n, reason=few)
    if not se > 0:
        return Estimate(value, n, reason="no interval: all units have the same mean")

    def limits(z: float) -> tuple[float, float, str]:
        high, low = value - se * np.quantile(ordered(pivots), ndtr([-z, z]))
        low, high = np.clip([low, high], *metric.bounds)  # both: one resample without spread puts them far away
        return float(low), float(high), f"bootstrap-t, {len(pivots):,} resamples" + WARNING * (n_units < FEW)

    return Estimate(value, n, se, limits, drawn=True)


def group_means(sums: NDArray[Any], n_values: int) -> NDArray[np.float64]:
    """Turn slot sums (count, then values, a group) into means, shape (n, n_groups, n_values); NaN for no image."""
    parts = np.moveaxis(sums.reshape(-1, n_values + 1, sums.shape[-1]), -1, 0)
    means: NDArray[np.float64] = np.full(parts[..., 1:].shape, np.nan)
    np.divide(parts[..., 1:], parts[..., :1], out=means, where=parts[..., :1] > 0)
    return means


def _normal(
    problem: Problem, metric: Metric, rows: NDArray[np.intp], values: NDArray[np.float64], value: float
) -> Estimate:
    """Return the mean with a normal interval from the spread between units."""
    n = len(rows)
    if n == 0:
        return undefined(metric.undefined_when, 0)
    units = np.unique(problem.sample.units[rows], return_inverse=True)[1]
    sums = np.bincount(units, weights=values[rows] - value)
    m = len(sums)
    few = too_few_units(n, m)
    if few is not None:
        return Estimate(value, n, reason=few)
    se = float(np.sqrt(m / (m - 1) * np.sum(sums**2)) / n)
    return Estimate(value, n, se, normal_limits(value, se, metric.bounds, method="normal, spread between units"))
