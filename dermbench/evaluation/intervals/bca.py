"""Bootstrap intervals: bias-corrected and accelerated (BCa), or percentile if BCa is undefined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from dermbench.evaluation.intervals.estimate import Estimate, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_DEFINED = 0.95
"""Smallest share of resamples in which a metric must be defined for a bootstrap interval."""
LEAST_RANGE = 1e-9
"""Smallest range of replicates for an interval: perfect predictions, for one, are perfect in every resample."""
FEW_UNITS, FEW_CLUSTERS = 10, 15
"""Fewest units of a group for a bootstrap interval: units of one image, and of several.

In simulations, the interval of kappa covers .87 with 9 units of 1 to 6 images, and .95 with 17 units.
"""


def bootstrap_estimate(
    value: float, replicates: NDArray[np.float64], accelerate: float, *, n: int, n_units: int
) -> Estimate:
    """Return an estimate with BCa (or percentile) limits from its replicates.

    With few units, replicates vary too little. If images share units, the normal quantile z is therefore replaced
    by the Student quantile with n_units - 1 degrees of freedom.

    Parameters
    ----------
    value
        The metric on the data.
    replicates
        Bootstrap replicates, NaN if undefined, shape (n_resamples,).
    accelerate
        Acceleration constant; NaN for the percentile interval.
    n, n_units
        Number of images and of independent units behind the value.
    """
    few = too_few_units(n, n_units)
    if few is not None:
        return Estimate(value, n, reason=few)
    n_resamples, defined = len(replicates), replicates[np.isfinite(replicates)]
    if len(defined) < LEAST_DEFINED * n_resamples:
        share = 1 - len(defined) / n_resamples
        return Estimate(value, n, reason=f"no interval: undefined in {share:.0%} of the resamples")
    if np.ptp(defined) < LEAST_RANGE:
        return Estimate(value, n, reason="no interval: all resamples have the same value")

    def limits(z: float) -> tuple[float, float, str]:
        wide = z if n == n_units else float(stdtrit(n_units - 1, ndtr(z)))
        low, high, method = bca_limits(value, ordered(replicates), accelerate, z=wide)
        of = "" if n == n_units else f" of {n_units:,} units"
        return low, high, f"{method} bootstrap, {n_resamples:,} resamples{of}"

    return Estimate(value, n, spread(defined), limits, drawn=True)


def ordered(replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the defined replicates in ascending order."""
    return np.sort(replicates[np.isfinite(replicates)])


def too_few_units(n: int, n_units: int) -> str | None:
    """Say that there are too few units for a bootstrap interval of ``n`` images; None if there are enough."""
    needed = FEW_UNITS if n == n_units else FEW_CLUSTERS
    return None if n_units >= needed else f"no interval: {n_units} independent units, the bootstrap needs {needed}"


def bca_limits(
    value: float, replicates: NDArray[np.float64], accelerate: float, *, z: float
) -> tuple[float, float, str]:
    """Return the BCa interval, or the percentile interval if BCa is undefined.

    Parameters
    ----------
    value
        The estimate.
    replicates
        Defined bootstrap replicates, sorted, shape (n_resamples,).
    accelerate
        Acceleration constant; NaN for the percentile interval.
    z
        Normal quantile of the two-sided confidence level.

    Returns
    -------
    low, high, method
        ``method`` is ``"BCa"`` or ``"percentile"``.

    References
    ----------
    Efron (1987), JASA 82, 171-185.
    """
    ends = np.array([-z, z])
    below = (np.searchsorted(replicates, value, "left") + np.searchsorted(replicates, value, "right")) / 2
    share = below / len(replicates)
    method = "percentile"
    if np.isfinite(accelerate) and 0 < share < 1:
        z0 = ndtri(share)
        room = 1 - accelerate * (z0 + ends)
        if (room > 0).all():
            ends, method = z0 + (z0 + ends) / room, "BCa"
    low, high = _quantiles(replicates, ndtr(ends))
    return float(low), float(high), method


def _quantiles(ordered: NDArray[np.float64], level: NDArray[np.float64]) -> NDArray[np.float64]:
    position = np.clip(level * (len(ordered) + 1) - 1, 0, len(ordered) - 1)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
