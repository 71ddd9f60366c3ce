"""Differences between groups: simultaneous intervals, the spread between groups, the worst group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.intervals.estimate import Estimate


Q_PROFILE = (
    "Q-profile, group values taken for normal; it covers about 91 % when one group differs from equal others"
)


@dataclass(frozen=True)
class Spread:
    """Standard deviation between groups, with its 95 % interval and what that takes for granted."""

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str | None = None


@cache
def simultaneous_z(n_groups: int, *, level: float = 0.95) -> float:
    """Return q(level; n_groups, inf) / sqrt(2), the normal quantile for all pairwise differences at once."""
    return float(stats.studentized_range.ppf(level, n_groups, np.inf) / np.sqrt(2))


def gap_limits(
    values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the simultaneous (Tukey-Newcombe) interval of the largest difference between groups.

    Each pair of groups gets Newcombe's hybrid interval, that is MOVER on the groups' own limits; the largest
    difference lies between the largest lower end (or 0) and the largest upper end.

    Parameters
    ----------
    values, low, high
        Value of each group and its limits at :func:`simultaneous_z`, shape (n_groups,).

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 873-890; Zou & Donner (2008), Statistics in Medicine 27,
    1693-1702.
    """
    down, up = np.maximum(values - low, 0.0), np.maximum(high - values, 0.0)
    difference = values[:, None] - values[None, :]
    lower = difference - np.hypot(down[:, None], up[None, :])
    upper = difference + np.hypot(up[:, None], down[None, :])
    np.fill_diagonal(lower, -np.inf)
    np.fill_diagonal(upper, -np.inf)
    return float(max(0.0, lower.max())), float(max(0.0, upper.max()))


def between_group_sd(values: NDArray[np.float64], errors: NDArray[np.float64]) -> Spread:
    """Return the standard deviation between groups that sampling error does not explain.

    The square is the variance of the group values minus their mean sampling variance, at least 0 (the moment
    estimator of Hedges); the interval inverts Cochran's Q (Q-profile).

    Parameters
    ----------
    values, errors
        Value of each group and its standard error, shape (n_groups,).

    References
    ----------
    Viechtbauer (2007), Statistics in Medicine 26, 37-52; Lum, Zhang, Bower (2022), FAccT, 379-389.
    """
    if len(values) < 2 or not (np.isfinite(values).all() and (errors > 0).all()):
        return Spread(None)
    variances = errors**2
    square = max(0.0, float(np.var(values, ddof=1) - variances.mean()))
    below, above = (_profile(values, variances, bound) for bound in _bounds(len(values) - 1))
    return Spread(float(np.sqrt(square)), below, above, Q_PROFILE)


@cache
def _bounds(freedom: int) -> tuple[float, float]:
    """Return the upper and lower 2.5 % points of chi-squared."""
    low, high = stats.chi2.ppf([0.025, 0.975], freedom)
    return float(high), float(low)


def _profile(values: NDArray[np.float64], variances: NDArray[np.float64], bound: float) -> float:
    """Return the between-group SD at which Cochran's Q equals ``bound``; 0 where Q is smaller everywhere."""

    def excess(square: float) -> float:
        weights = 1 / (variances + square)
        centre = np.sum(weights * values) / np.sum(weights)
        return float(np.sum(weights * (values - centre) ** 2) - bound)

    if excess(0.0) <= 0:
        return 0.0
    top = float(np.ptp(values) ** 2)
    while excess(top) > 0:
        top *= 2
    return float(np.sqrt(optimize.brentq(excess, 0.0, top)))


def limits_at(estimates: Sequence[Estimate], z: float) -> tuple[NDArray[np.float64], NDArray[np.float64]] | str:
    """Return the lower and upper limits of all groups at ``z``, or why one of them has none."""
    intervals = [item.interval(z) for item in estimates]
    for item in intervals:
        if item.low is None:
            return item.reason or "a group has no interval"
    return np.array([i.low for i in intervals], dtype=np.float64), np.array(
        [i.high for i in intervals], dtype=np.float64
    )
