"""Proportions with Wilson intervals, for independent images and for images that share units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, stdtrit

from dermbench.evaluation.intervals.estimate import Z95, Estimate, undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample

ONE_UNIT = "no interval: all images are of one independent unit"


def wilson(p: float, n: float, *, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion.

    Parameters
    ----------
    p
        Observed proportion, 0 to 1.
    n
        (Effective) number of observations; for 0 the interval is (0, 1).
    z
        Normal quantile of the confidence level.

    References
    ----------
    Wilson (1927), JASA 22, 209-212; Brown, Cai, DasGupta (2001), Statistical Science 16, 101-133.
    """
    if n <= 0:
        return 0.0, 1.0
    z2 = z * z / n
    centre = (p + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * np.sqrt(p * (1 - p) / n + z2 / (4 * n))
    low = 0.0 if p <= 0 else max(0.0, centre - half)
    high = 1.0 if p >= 1 else min(1.0, centre + half)
    return float(low), float(high)


def effective_n(successes: NDArray[np.float64], trials: NDArray[np.float64], *, z: float = Z95) -> float:
    """Return the effective sample size of a proportion from images that share units.

    It is p(1-p)/SE², at most n, with SE² = m/(m-1) Σ(k_u - p n_u)²/n² of the ratio estimator. It is multiplied by
    (z/t)², with t from Student's law with m-1 degrees of freedom, because SE is estimated from m units. If p is
    0 or 1, or SE is 0, complete dependence within units is assumed: n²/Σn_u².

    Parameters
    ----------
    successes, trials
        k_u and n_u: successes and images of each unit, shape (n_units,).
    z
        Normal quantile of the confidence level that the shrinkage refers to.

    Returns
    -------
    float
        NaN for fewer than 2 units with a trial, unless that unit is a single image.

    References
    ----------
    Korn & Graubard (1998), Survey Methodology 24, 193-201.
    """
    there = trials > 0
    k, n_u = successes[there], trials[there]
    m, n = len(n_u), float(n_u.sum())
    if m == n:
        return n
    if m < 2:
        return float("nan")
    p = float(k.sum()) / n
    variance = m / (m - 1) * float(np.sum((k - p * n_u) ** 2)) / n**2
    if not 0 < p < 1 or variance <= 0:
        return n**2 / float(np.sum(n_u**2))
    t = float(stdtrit(m - 1, ndtr(z)))
    return min(p * (1 - p) / variance, n) * (z / t) ** 2


def share(
    sample: Sample,
    success: NDArray[Any],
    rows: NDArray[np.bool_] | NDArray[np.intp],
    *,
    reason: str = "there is no image",
) -> Estimate:
    """Return the share of successes among the images at ``rows``, with an interval that allows for shared units.

    Undefined without an image, for the ``reason``.
    """
    hits, units = success[rows], sample.units[rows]
    if not len(hits):
        return undefined(reason, 0)
    if not sample.clustered:
        return share_estimate(float(hits.mean()), len(hits))
    successes, trials = np.bincount(units, weights=hits), np.bincount(units)
    return share_estimate(float(hits.mean()), len(hits), (successes.astype(float), trials.astype(float)))


def share_estimate(
    value: float, n: int, units: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
) -> Estimate:
    """Return a proportion with Wilson limits.

    Parameters
    ----------
    value, n
        The proportion and its number of images.
    units
        Successes and trials of each unit, if images share units.
    """
    method = "Wilson"
    if units is not None:
        method = f"Wilson, effective n of {int((units[1] > 0).sum()):,} units"

    def limits(z: float) -> tuple[float, float, str]:
        m = float(n) if units is None else effective_n(*units, z=z)
        if not m > 0:
            return float("nan"), float("nan"), ONE_UNIT
        return *wilson(value, m, z=z), method

    low, high, _ = limits(Z95)
    return Estimate(value, n, (high - low) / (2 * Z95), limits)


def effective_estimate(
    value: float, n: int, n_eff: float, *, method: str, n_units: int | None, se: float | None = None
) -> Estimate:
    """Return an average of proportions with Wilson limits at its effective n.

    Parameters
    ----------
    value, n
        The average and its number of images.
    n_eff
        The n at which a plain proportion has the variance of the average.
    method
        Name of the method, for the report.
    n_units
        Number of independent units, if images share units: ``n_eff`` is then shrunk as in :func:`effective_n`.
    se
        Standard error; by default derived from the limits.
    """
    if n_units is not None and n_units < 2:
        return Estimate(value, n, reason=ONE_UNIT)
    said = method if n_units is None else f"{method} of {n_units:,} units"

    def limits(z: float) -> tuple[float, float, str]:
        few = 1.0 if n_units is None else float((z / stdtrit(n_units - 1, ndtr(z))) ** 2)
        return *wilson(value, n_eff * few, z=z), said

    low, high, _ = limits(Z95)
    return Estimate(value, n, (high - low) / (2 * Z95) if se is None else se, limits)
