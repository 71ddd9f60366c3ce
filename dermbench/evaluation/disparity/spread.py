"""The standard deviation between groups that sampling error does not explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize
from scipy.special import chdtri, ndtr

from dermbench.evaluation.intervals.estimate import Estimate, undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray


Q_PROFILE = (
    "Q-profile, group values taken for normal; it covers about 91 % when one group differs from equal others"
)


def between_group_sd(values: NDArray[np.float64], errors: NDArray[np.float64]) -> Estimate:
    """Return the standard deviation between groups that sampling error does not explain.

    Its square is the variance of the group values minus their mean sampling variance, at least 0 (the moment
    estimator of Hedges). The interval inverts Cochran's Q (Q-profile). Undefined if a group has no standard error.

    Parameters
    ----------
    values, errors
        Value of each group and its standard error, shape (n_groups,).

    References
    ----------
    Viechtbauer (2007), Statistics in Medicine 26, 37-52; Lum, Zhang, Bower (2022), FAccT, 379-389.
    """
    if len(values) < 2 or not (np.isfinite(values).all() and (errors > 0).all()):
        return undefined("a group has no standard error")
    variances = errors**2
    square = max(0.0, float(np.var(values, ddof=1) - variances.mean()))

    def limits(z: float) -> tuple[float, float, str]:
        above, below = chdtri(len(values) - 1, ndtr([z, -z]))
        return _profile(values, variances, below), _profile(values, variances, above), Q_PROFILE

    return Estimate(float(np.sqrt(square)), None, limits=limits, drawn=True)


def _profile(values: NDArray[np.float64], variances: NDArray[np.float64], bound: float) -> float:
    """Return the between-group SD at which Cochran's Q equals ``bound``; 0 if Q is never that large."""

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
