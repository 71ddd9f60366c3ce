"""The standard deviation between groups that sampling error does not explain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize
from scipy.special import chdtri

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    low, high = chdtri(freedom, [0.975, 0.025])
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
