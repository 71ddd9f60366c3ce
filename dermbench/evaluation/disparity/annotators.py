"""Several labellings of the same sensitive feature: how far they agree, and what that does to every gap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
from scipy.stats import t as student

from dermbench.evaluation.disparity.disparities import disparities
from dermbench.evaluation.intervals.estimate import Z95, Interval
from dermbench.evaluation.intervals.kappa import kappa_se
from dermbench.evaluation.intervals.proportions import share_estimate
from dermbench.evaluation.resampling.plan import N_RESAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.disparity.disparity import Disparity

AGREEMENT = "agreement only"
FEWEST_UNITS = 10
"""Units that share images from which on kappa has an interval."""
ROUNDING = 1e-9
"""Standard error below which nothing but rounding varies."""


@dataclass(frozen=True)
class Agreement:
    """How two labellings of an ordered feature agree.

    Attributes
    ----------
    first, second
        Names of the labellings.
    n
        Images that both label.
    exact, within_one
        Share of these with the same group, and with neighbouring ones at most.
    kappa
        Cohen's kappa.
    """

    first: str
    second: str
    n: int
    exact: Interval
    within_one: Interval
    kappa: Interval


@dataclass(frozen=True)
class Band:
    """A gap under every labelling.

    Attributes
    ----------
    low, high
        Smallest and largest observed difference; None when no labelling gives one.
    differences, p_values
        Of each labelling, and of the images on which all agree; None where undefined.
    verdicts
        Of each labelling.
    consistent
        Whether all labellings with a verdict come to the same one, up to the detectable difference.
    """

    low: float | None
    high: float | None
    differences: dict[str, float | None]
    p_values: dict[str, float | None]
    verdicts: dict[str, str | None]
    consistent: bool


def agreement(first: Grouping, second: Grouping, *, units: NDArray[np.intp] | None = None) -> Agreement:
    """Return how two labellings with the same group names agree; images that one does not label are left out.

    Parameters
    ----------
    first, second
        The labellings.
    units
        Independent unit of each image, shape (n_samples,); None when the images are independent.
    """
    both = (first.codes >= 0) & (second.codes >= 0)
    a, b = first.codes[both], second.codes[both]
    unit = None if units is None else np.unique(units[both], return_inverse=True)[1].astype(np.intp)
    exact, near = (_share(same, unit) for same in (a == b, np.abs(a - b) <= 1))
    kappa = kappa_interval(a, b, len(first.names), units=unit)
    return Agreement(first.feature, second.feature, len(a), exact, near, kappa)


def _share(same: NDArray[np.bool_], units: NDArray[np.intp] | None) -> Interval:
    n = len(same)
    if n == 0:
        return Interval(None, n=0, reason="no image has both labels")
    value = float(same.mean())
    if not _shared(units):
        return share_estimate(value, n).interval()
    successes, trials = np.bincount(units, weights=same), np.bincount(units)
    return share_estimate(value, n, (successes.astype(np.float64), trials.astype(np.float64))).interval()


def _shared(units: NDArray[np.intp] | None) -> TypeGuard[NDArray[np.intp]]:
    return units is not None and len(units) > 0 and int(units.max()) + 1 < len(units)


def kappa_interval(
    a: NDArray[np.intp], b: NDArray[np.intp], n_classes: int, *, units: NDArray[np.intp] | None = None
) -> Interval:
    """Return Cohen's kappa of two codings with its interval.

    Independent images: the large-sample standard error. Images that share units: the standard error of the
    jackknife that leaves out one unit at a time, with Student's quantile.

    Parameters
    ----------
    a, b
        Two codings of the same images, shape (n_samples,).
    n_classes
        Size of the class set.
    units
        Independent unit of each image, numbered without gaps, shape (n_samples,).
    """
    value, se, n = kappa_se(a, b, n_classes)
    if not np.isfinite(value):
        return Interval(None, n=n, reason="all images have one label")
    times, method = Z95, "Fleiss-Cohen-Everitt standard error"
    if _shared(units):
        left_out = leave_one_out_kappas(a, b, n_classes, units)
        m = len(left_out)
        if m < FEWEST_UNITS:
            return Interval(value, n=n, reason=f"no interval: {m} units, needed are {FEWEST_UNITS}")
        if not np.isfinite(left_out).all():
            return Interval(value, n=n, reason="no interval: undefined without one of the units")
        se = float(np.sqrt((m - 1) / m * np.sum((left_out - left_out.mean()) ** 2)))
        if se <= ROUNDING:
            return Interval(value, n=n, reason="no interval: the same without any unit")
        times, method = float(student.ppf(0.975, m - 1)), f"jackknife of {m:,} units"
    return Interval(value, max(-1.0, value - times * se), min(1.0, value + times * se), n, method)


def leave_one_out_kappas(
    a: NDArray[np.intp], b: NDArray[np.intp], n_classes: int, units: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return kappa without each unit in turn, shape (n_units,); NaN where it is undefined."""
    m = int(units.max()) + 1

    def without(codes: NDArray[np.intp]) -> NDArray[np.float64]:
        each = np.bincount(units * n_classes + codes, minlength=m * n_classes).reshape(m, n_classes)
        return np.asarray(each.sum(axis=0) - each, dtype=np.float64)

    row, column = without(a), without(b)
    n = row.sum(axis=1)
    same = (a == b).sum() - np.bincount(units, weights=a == b, minlength=m)
    off, most = n * same - (row * column).sum(axis=1), n**2 - (row * column).sum(axis=1)
    kappas: NDArray[np.float64] = np.full(m, np.nan)
    np.divide(off, most, out=kappas, where=most > 0)
    return kappas


def sensitivity_band(
    sample: Sample,
    labellings: Sequence[Grouping],
    metrics: Sequence[Metric],
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    known: dict[str, dict[str, Disparity]] | None = None,
) -> dict[str, Band]:
    """Return each metric's gap under every labelling and on the images where all labellings agree.

    Parameters
    ----------
    sample
        Truth and predictions.
    labellings
        The same feature by several sources, with the same group names.
    metrics
        What to compare.
    seed, n_resamples
        See :class:`~dermbench.evaluation.resampling.plan.Plan`.
    known
        Disparities that were computed before, {feature: {metric: disparity}}.

    Returns
    -------
    dict
        {metric name: band}.
    """
    codes = np.stack([labelling.codes for labelling in labellings])
    same = (codes == codes[0]).all(axis=0)
    agreed = replace(labellings[0], feature=AGREEMENT, codes=np.where(same, codes[0], -1))
    tables = {}
    for grouping in (*labellings, agreed):
        done = (known or {}).get(grouping.feature)
        tables[grouping.feature] = done or disparities(
            sample, grouping, metrics, seed=seed, n_resamples=n_resamples
        )
    return {metric.name: _band({name: table[metric.name] for name, table in tables.items()}) for metric in metrics}


def _band(found: dict[str, Disparity]) -> Band:
    differences = {name: item.difference for name, item in found.items()}
    there = [d for d in differences.values() if d is not None]
    kinds = {item.verdict.split(" (")[0] for item in found.values() if item.verdict is not None}
    return Band(
        low=min(there) if there else None,
        high=max(there) if there else None,
        differences=differences,
        p_values={name: item.p_value for name, item in found.items()},
        verdicts={name: item.verdict for name, item in found.items()},
        consistent=len(kinds) <= 1,
    )
