"""Difference of two hit rates on the same images, with Tango's score interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtrit

from dermbench.evaluation.intervals.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Limits

METHOD = "Tango's score"
STEPS = 40
"""Bisection steps for each limit; the error is at most 2^-40."""


def paired_difference(sample: Sample, first: NDArray[np.float64], second: NDArray[np.float64]) -> Estimate:
    """Return the difference of two hit rates on the same images.

    For clusters and for averages over seeds, the limits use the effective sample size: the number of independent
    images that would give the observed variance of the difference.

    Parameters
    ----------
    sample
        The images; only their units are used.
    first, second
        1 for a hit, 0 for a miss, or their average over seeds; shape (n_samples,).
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
            n *= (z / float(stdtrit(n_units - 1, ndtr(z)))) ** 2
        return *score_limits(gained, lost, n, z=z), method

    return limits


def score_limits(gained: float, lost: float, n: float, *, z: float) -> tuple[float, float]:
    """Return the differences that the score test of paired proportions does not reject.

    Parameters
    ----------
    gained, lost
        Shares of images that only the second, and only the first, model gets right.
    n
        (Effective) number of images.
    z
        Normal quantile of a two-sided level.

    References
    ----------
    Tango (1998), Statistics in Medicine 17, 891-908.
    """
    value = gained - lost
    low = _crossing(-1.0, value, lambda d: _score(gained, lost, n, d) > z)
    return low, _crossing(value, 1.0, lambda d: _score(gained, lost, n, d) > -z)


def _score(gained: float, lost: float, n: float, difference: float) -> float:
    """Return the score statistic of a difference, with the standard error under that difference."""
    b = difference * (2 - gained + lost) - gained - lost
    root = np.sqrt(max(0.0, b * b + 8 * lost * difference * (1 - difference)))
    variance = (root - b) / 2 + difference * (1 - difference)
    away = gained - lost - difference
    return float(away / np.sqrt(variance / n)) if variance > 0 else float(np.copysign(np.inf, away))


def _crossing(low: float, high: float, above: Callable[[float], bool]) -> float:
    """Bisect for the point where a condition that holds at ``low`` stops holding."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) else (low, middle)
    return (low + high) / 2
