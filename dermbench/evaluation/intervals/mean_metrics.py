"""Estimates of metrics that are means of scores of single images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from dermbench.evaluation.intervals.bca import ordered, too_few_units
from dermbench.evaluation.intervals.estimate import Estimate, normal_limits, undefined
from dermbench.evaluation.intervals.proportions import share
from dermbench.evaluation.resampling.resample import Cells, replicate, sum_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Design, GroupEstimates

FEW, WARNING = 60, "; of fewer than 60 units, it covers a little less than 95 %"
"""Fewest units for an interval of a loss without a warning: with 30 units, that of log loss covers .93."""
LARGE = 20_000
"""Most units for a bootstrap interval; beyond, the normal interval differs by less than 1 % of its width."""


def mean_estimates(design: Design, metrics: Sequence[Metric]) -> GroupEstimates:
    """Return metrics of kind ``mean`` of each group, see :func:`.every_metric.estimates`."""
    sample, table = design.sample, design.table
    found: GroupEstimates = {}
    smooth: dict[Metric, NDArray[np.float64]] = {}
    for metric in metrics:
        values = np.asarray(metric.score(sample.y_true, sample.y_prob), dtype=np.float64)
        if not metric.proportion and np.isfinite(values).all():
            smooth[metric] = values
            continue
        for name, rows in zip(table.names, table.rows, strict=True):
            defined = np.isfinite(values[rows]).all()
            found[name, metric.name] = share(sample, values, rows) if defined else undefined(metric.undefined_when)
    return found | _smooth(design, smooth)


def _smooth(design: Design, scores: dict[Metric, NDArray[np.float64]]) -> GroupEstimates:
    """Return means of image scores with bootstrap limits, or normal limits for many units."""
    sample, table = design.sample, design.table
    if not scores:
        return {}
    if sample.n_units > LARGE:
        return {
            (name, m.name): _normal(sample, m, rows, values, table.value(g, m))
            for g, (name, rows) in enumerate(zip(table.names, table.rows, strict=True))
            for m, values in scores.items()
        }
    stack = np.stack(list(scores.values()))
    cells = with_squares(sum_cells(sample, table.grouping.codes, len(table.names), stack), len(stack))
    point, errors = (part[0] for part in studentised(cells.totals()[:, None], len(stack)))
    units = np.array(design.n_units)[:, None]
    errors = errors * np.sqrt(units / np.maximum(units - 1, 1))

    def pivots(sums: NDArray[Any]) -> NDArray[np.float64]:
        means, spread = studentised(sums, len(stack))
        pivot: NDArray[np.float64] = np.full(means.shape, np.nan)
        np.divide(means - point, spread, out=pivot, where=spread > 0)
        return pivot

    drawn = replicate(cells, pivots, design.plan, stream=f"{design.stream} means")
    return {
        (name, m.name): pivotal_estimate(
            m, table.value(g, m), float(errors[g, i]), drawn[g, i], n=len(rows), n_units=design.n_units[g]
        )
        for g, (name, rows) in enumerate(zip(table.names, table.rows, strict=True))
        for i, m in enumerate(scores)
    }


def with_squares(cells: Cells, n_values: int) -> Cells:
    """Add to the slots of each group (count n, sums s) the slots n², s·n and s², for a standard error."""
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
        Shape (n, n_groups, n_values); NaN without an image. The errors are sqrt(Σ(s - mean·n)²)/Σn over units.
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
        The metric; only its bounds are used.
    value, se
        The mean and its standard error.
    pivots
        Studentised replicates, NaN if a resample has no spread, shape (n_resamples,).
    n, n_units
        Images and independent units.

    References
    ----------
    Hall (1988), Annals of Statistics 16, 927-953.
    """
    few = too_few_units(n, n_units)
    if few is not None:
        return Estimate(value, n, reason=few)
    if not se > 0:
        return Estimate(value, n, reason="no interval: all units have the same mean")

    def limits(z: float) -> tuple[float, float, str]:
        high, low = value - se * np.quantile(ordered(pivots), ndtr([-z, z]))
        low, high = np.clip([low, high], *metric.bounds)  # a resample with little spread has an extreme pivot
        return float(low), float(high), f"bootstrap-t, {len(pivots):,} resamples" + WARNING * (n_units < FEW)

    return Estimate(value, n, se, limits, drawn=True)


def group_means(sums: NDArray[Any], n_values: int) -> NDArray[np.float64]:
    """Turn slot sums (per group: count, then values) into means, shape (n, n_groups, n_values); NaN if empty."""
    parts = np.moveaxis(sums.reshape(-1, n_values + 1, sums.shape[-1]), -1, 0)
    means: NDArray[np.float64] = np.full(parts[..., 1:].shape, np.nan)
    np.divide(parts[..., 1:], parts[..., :1], out=means, where=parts[..., :1] > 0)
    return means


def _normal(
    sample: Sample, metric: Metric, rows: NDArray[np.intp], values: NDArray[np.float64], value: float
) -> Estimate:
    """Return the mean with a normal interval from the spread between units."""
    n, units = len(rows), np.unique(sample.units[rows], return_inverse=True)[1]
    sums = np.bincount(units, weights=values[rows] - value)
    m = len(sums)
    few = too_few_units(n, m)
    if few is not None:
        return Estimate(value, n, reason=few)
    se = float(np.sqrt(m / (m - 1) * np.sum(sums**2)) / n)
    return Estimate(value, n, se, normal_limits(value, se, metric.bounds, method="normal, spread between units"))
