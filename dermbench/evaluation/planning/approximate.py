"""Closed-form approximation of the power of the primary row: contrasts are taken as normal.

Their variances follow from the rates and the correlation within units. The critical value is the 95 % quantile of
the largest statistic without a difference. Both probabilities are integrals over a multivariate normal
distribution, computed on fixed points (Sobol), so they are smooth and need no seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from dermbench.evaluation.disparity.gap_test import ALPHA, Sides
from dermbench.evaluation.disparity.limits import ONE_SIDED, mover
from dermbench.evaluation.disparity.means import SHRINK
from dermbench.evaluation.disparity.within_class import Adjustment, Contrasts, contrasts
from dermbench.evaluation.intervals.estimate import Z95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.planning.design import Layout

LOG_POINTS, LOG_FEWER = 13, 10
"""Logarithm to base 2 of the number of points; fewer for families of more than :data:`MANY` contrasts."""
MANY = 100
TINY = 1e-12


@dataclass(frozen=True)
class Approximation:
    """Power of the tests on one layout.

    Attributes
    ----------
    layout
        Counts of the test set.
    correlation
        Intra-class correlation of two images of a unit.
    """

    layout: Layout
    correlation: float

    @cached_property
    def family(self) -> Contrasts:
        """Contrasts that are tested together."""
        return contrasts(self._adjustment, ordered=self.layout.ordered)

    @cached_property
    def _adjustment(self) -> Adjustment:
        return Adjustment(self.layout.counts)

    @cached_property
    def _effects(self) -> NDArray[np.float64]:
        return self.layout.design_effects(self.correlation)

    @cached_property
    def _image_weights(self) -> NDArray[np.float64]:
        """Weight of an image in each contrast, shape (n_contrasts, n_groups, n_classes)."""
        counts = self.layout.counts
        weights = self.family.rows @ self._adjustment.solve
        return np.asarray(weights[:, :, None] - (weights @ (counts / np.maximum(counts.sum(axis=0), 1)))[:, None])

    def power(self, rates: NDArray[np.float64]) -> float:
        """Return the probability that the verdict of the primary row is a disparity.

        Parameters
        ----------
        rates
            Share of right answers in each group, shape (n_groups,).
        """
        if not self.family.n_pairs:
            return 0.0
        error = self._errors(rates)
        able = error > TINY
        noise = self._noise((rates * (1 - rates))[:, None])[:, able]
        statistic = np.abs(self.family.rows[able] @ rates + noise) / error[able]
        return _smooth_share(statistic.max(axis=1, initial=0.0), max(self._critical(rates), Z95))

    def within(self, rate: float, margin: float) -> float:
        """Return the probability that *at most* is below the margin if all groups have this rate."""
        if not self.family.n_pairs or self.family.not_comparable:
            return 0.0
        rows = self.family.rows[: self.family.n_pairs]
        variance = self._adjustment.variance_weights(rows) * self._effects
        sizes = np.full(rows.shape, np.inf)
        np.divide(rows**2, variance, out=sizes, where=(variance > TINY) & (np.abs(rows) > 0))
        down, up = mover(Sides(np.full(rows.shape[1], rate), sizes), rows, ONE_SIDED)
        value = self._noise(np.full((len(self._effects), 1), rate * (1 - rate)))[:, : len(rows)]
        highest = np.maximum(value + up, -value + down).max(axis=1)
        return 1 - _smooth_share(highest, margin)

    def _pooled(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance of an image of each class, pooled over groups, shape (1, n_classes)."""
        counts = self.layout.counts
        level = rates @ counts / np.maximum(counts.sum(axis=0), 1)
        return np.asarray((level * (1 - level))[None])

    def _errors(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard error that the protocol divides each contrast by, shape (n_contrasts,)."""
        n, m = np.maximum(self._adjustment.n, 1), np.maximum(self.layout.units, 1)
        variance = (self.layout.counts * self._pooled(rates)).sum(axis=1) * self._effects / n
        if self.layout.clustered:
            own = rates * (1 - rates) * self._effects * (m - 1) / m
            variance = (own + SHRINK * variance / m) * m / (m - 1 + SHRINK)
        return np.asarray(np.sqrt(self._adjustment.variance_weights(self.family.rows) @ variance))

    def _noise(self, variance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return normal errors of all contrasts for given variances of images, shape (n_points, n_contrasts)."""
        spread = np.sqrt(self.layout.counts * variance * self._effects[:, None])
        scaled = (self._image_weights * spread).reshape(len(self.family.rows), -1)
        values, vectors = np.linalg.eigh(scaled.T @ scaled if scaled.shape[1] < len(scaled) else scaled @ scaled.T)
        rank = min(len(values), len(self._effects))
        top = vectors[:, -rank:]
        root = scaled @ top if scaled.shape[1] < len(scaled) else top * np.sqrt(np.maximum(values[-rank:], 0.0))
        return np.asarray(_points(rank, LOG_FEWER if len(scaled) > MANY else LOG_POINTS) @ root.T)

    def _critical(self, rates: NDArray[np.float64]) -> float:
        """Return the 95 % quantile of the largest statistic without a difference."""
        noise = self._noise(np.broadcast_to(self._pooled(rates), self.layout.counts.shape))
        error = np.sqrt((noise**2).mean(axis=0))
        able = error > TINY
        largest = np.abs(noise[:, able] / error[able]).max(axis=1, initial=0.0)
        return float(np.quantile(largest, 1 - ALPHA))


def _smooth_share(values: NDArray[np.float64], bound: float) -> float:
    """Return the share of values above the bound, interpolated linearly between neighbouring values."""
    ordered = np.sort(values)
    return float(np.interp(bound, ordered, np.linspace(1 - 0.5 / len(ordered), 0.5 / len(ordered), len(ordered))))


@lru_cache(maxsize=16)
def _points(dimension: int, log_size: int) -> NDArray[np.float64]:
    """Return standard normal points from a Sobol sequence, shape (n_points, dimension)."""
    sobol = qmc.Sobol(dimension, scramble=True, seed=0)
    return np.asarray(ndtri(np.clip(sobol.random_base2(log_size), 1e-9, 1 - 1e-9)))
