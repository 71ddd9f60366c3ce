"""The paired difference of two proportions, with an interval that holds up in small groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm, t

from dermbench.evaluation.intervals.estimate import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Limits

METHOD = "Bonett-Price"


def paired_difference(sample: Sample, first: NDArray[np.float64], second: NDArray[np.float64]) -> Estimate:
    """Return the difference of two hit rates on the same images.

    Bonett and Price's interval adds one image to either kind of disagreement, so that it has a width, and covers,
    also where two models answer alike. For clusters and averages over seeds the number of images is replaced by
    the one that has the variance of the difference between units.

    Parameters
    ----------
    sample
        Gives the units.
    first, second
        1 for a hit, 0 for a miss, or their average over seeds; shape (n_samples,).

    References
    ----------
    Bonett & Price (2012), Journal of Educational and Behavioral Statistics 37, 479-488; Fagerland, Lydersen,
    Laake (2014), Statistics in Medicine 33, 2850-2875.
    """
    n = len(first)
    gained, lost = float(np.mean(second * (1 - first))), float(np.mean(first * (1 - second)))
    apart = second - first
    units = np.bincount(sample.units, weights=apart - apart.mean())
    variance = float(np.sum(units**2)) / n**2 * sample.n_units / max(1, sample.n_units - 1)
    averaged = not bool(np.isin(apart, (-1.0, 0.0, 1.0)).all())
    plain = gained + lost - (gained - lost) ** 2
    effective = float(n)
    if sample.clustered or averaged:
        known = variance > 0 and plain > 0
        sizes = np.bincount(sample.units)
        effective = plain / variance if known else n**2 / float(np.sum(sizes.astype(np.float64) ** 2))
    effective = effective if averaged else min(effective, float(n))
    limits = _limits(gained, lost, effective, n_units=sample.n_units if sample.clustered else None)
    return Estimate(float(apart.mean()), n, float(np.sqrt(variance)), limits)


def _limits(gained: float, lost: float, effective: float, *, n_units: int | None) -> Limits:
    method = METHOD if n_units is None else f"{METHOD}, effective n of {n_units:,} units"

    def limits(z: float) -> tuple[float, float, str]:
        n = effective
        if n_units is not None:
            if n_units < 2:
                return float("nan"), float("nan"), "no interval: all images are of one independent unit"
            n *= (z / float(t.ppf(norm.cdf(z), n_units - 1))) ** 2
        up, down = (gained * n + 1) / (n + 2), (lost * n + 1) / (n + 2)
        half = z * float(np.sqrt((up + down - (up - down) ** 2) / (n + 2)))
        return max(-1.0, up - down - half), min(1.0, up - down + half), method

    return limits
