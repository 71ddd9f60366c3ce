"""Limits of a gap: at least, at most, and the simultaneous interval of the clearest contrast.

*At least* uses the same critical value as p, so it is positive only if p <= .05. Contrasts of proportions combine
Wilson limits at the effective size of each side (MOVER); other values use z standard errors.

References
----------
Wilson (1927), JASA 22, 209-212; Newcombe (1998), Statistics in Medicine 17, 873-890; Zou & Donner (2008),
Statistics in Medicine 27, 1693-1702; Berger (1982), Technometrics 24, 295-300 (intersection-union).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.intervals.estimate import Z95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.disparity.gap_test import GapTest, Sides

ONE_SIDED = 1.6448536269514722
"""Normal quantile of a one-sided 95 % limit."""
LARGEST_SIZE = 1e9


@dataclass(frozen=True)
class Limits:
    """Limits of the size of a gap.

    Attributes
    ----------
    at_least
        The gap is at least this, with 95 % confidence; 0 if there is no lower limit.
    at_most
        The gap is at most this, with 95 % confidence; None if there is no upper limit.
    no_upper
        Why there is no upper limit.
    contrast
        Index of the contrast with the largest statistic.
    low, high
        Simultaneous interval of this contrast, in the direction of its value. The end next to 0 is computed as
        *at least* is, so the interval excludes 0 only if the test rejects. Infinite where no statistic of the
        family could be large enough to reject.
    """

    at_least: float
    at_most: float | None
    no_upper: str | None
    contrast: int
    low: float
    high: float


def gap_limits(test: GapTest, critical: float) -> Limits:
    """Return the limits of a gap.

    Parameters
    ----------
    test
        Contrasts of the metric.
    critical
        Statistic above which p <= .05 in the family of the row.
    """
    z = max(critical, Z95)
    down, up = _arms(test, z) if np.isfinite(z) else np.full((2, len(test.values)), np.inf)
    value, statistics = test.values, test.statistics
    arm = np.where(value > 0, down, up)
    beyond = statistics > z
    inner = np.where(beyond, _lower(np.abs(value), arm, test.errors, z), np.minimum(np.abs(value) - arm, 0.0))
    k = int(np.argmax(statistics))
    width = test.metric.bounds[1] - test.metric.bounds[0]
    low, high = -np.inf, np.inf
    if np.isfinite(z):
        low, high = (inner[k], value[k] + up[k]) if value[k] > 0 else (value[k] - down[k], -inner[k])
        low, high = np.clip([low, high], -width, width) + 0.0
    at_most, no_upper = _upper(test)
    return Limits(float(inner[beyond].max(initial=0.0)), at_most, no_upper, k, float(low), float(high))


def _lower(
    size: NDArray[np.float64], arm: NDArray[np.float64], error: NDArray[np.float64], z: float
) -> NDArray[np.float64]:
    """Return the lower limit of the size of each contrast whose statistic is above z.

    It is the size minus its arm. If that is not positive although the test rejects 0, the test is inverted; the
    arm is then interpolated between its length at a difference of 0 and ``arm``.
    """
    if not np.isfinite(z):
        return np.zeros(len(size))
    free = z * error
    inverted = np.zeros(len(size))
    np.divide(size * (size - free), size + arm - free, out=inverted, where=size > free)
    return np.where(size > arm, size - arm, inverted)


def _arms(test: GapTest, z: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distance of the limits below and above each contrast."""
    if test.sides is None:
        return z * test.errors, z * test.errors
    return mover(test.sides, test.family.rows, z)


def mover(sides: Sides, rows: NDArray[np.float64], z: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distance of the limits below and above each contrast, from Wilson limits of each group.

    Parameters
    ----------
    sides
        Level and effective size of each group.
    rows
        Contrasts, shape (n_contrasts, n_groups).
    z
        Normal quantile of the level.
    """
    level, size = sides.level, np.minimum(sides.sizes, LARGEST_SIZE)
    z2 = z * z / size
    centre = (level + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * np.sqrt(level * (1 - level) / size + z2 / (4 * size))
    below, above = level - np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1) - level
    positive = rows > 0
    down = np.where(positive, below, above) * rows
    up = np.where(positive, above, below) * rows
    return np.sqrt((down**2).sum(axis=1)), np.sqrt((up**2).sum(axis=1))


def _upper(test: GapTest) -> tuple[float | None, str | None]:
    """Return the largest one-sided upper limit of a difference between two groups, or why there is none."""
    pairs = test.family.n_pairs
    if test.family.not_comparable:
        return None, "no upper limit: some groups share too few classes to be compared"
    if not test.metric.is_mean:
        return None, "no upper limit: the metric is no mean over images"
    if test.untested is not None:
        return None, test.untested
    down, up = _arms(test, ONE_SIDED)
    value = test.values[:pairs]
    width = test.metric.bounds[1] - test.metric.bounds[0]
    return min(width, float(np.maximum(value + up[:pairs], -value + down[:pairs]).max())), None
