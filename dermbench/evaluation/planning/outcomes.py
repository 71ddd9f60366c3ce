"""Simulated right and wrong answers, beta-binomial within units.

Each unit (patient) has a probability of a right answer, drawn from a beta distribution whose mean p is the rate of
the group. The images of a unit are right with that probability, independently of each other. With the intra-class
correlation r of two images of a unit, the distribution is Beta(p (1 - r) / r, (1 - p) (1 - r) / r). A unit with
images in several groups has the same quantile in the distribution of each group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.planning.design import Design


@dataclass(frozen=True)
class Outcomes:
    """Images, units and groups for which answers are drawn.

    Attributes
    ----------
    of_row
        Part (images of one unit in one group) of each image, shape (n_images,).
    group, unit
        Group and unit of each part, shape (n_parts,).
    several
        Whether the unit of each part has images in several groups, same shape.
    correlation
        Intra-class correlation of two images of a unit, at least 0 and below 1.
    """

    of_row: NDArray[np.intp]
    group: NDArray[np.intp]
    unit: NDArray[np.intp]
    several: NDArray[np.bool_]
    correlation: float

    @classmethod
    def of(cls, design: Design, correlation: float) -> Outcomes:
        """Find the parts of a design."""
        sample = design.sample
        key = sample.units * len(design.grouping.names) + design.grouping.codes
        parts, of_row = np.unique(key, return_inverse=True)
        unit, group = np.divmod(parts, len(design.grouping.names))
        several = np.bincount(unit, minlength=sample.n_units)[unit] > 1
        return cls(of_row.astype(np.intp), group, unit, several, correlation if sample.clustered else 0.0)

    def draw(self, rng: np.random.Generator, rates: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
        """Draw whether each image is right in ``size`` test sets, shape (size, n_images).

        Parameters
        ----------
        rng
            Random number generator.
        rates
            Share of right answers in each group, shape (n_groups,).
        size
            Number of test sets.
        """
        mean = rates[self.group]
        chance = np.broadcast_to(mean, (size, len(mean)))
        if self.correlation > 0:
            chance = self._unit_chances(rng, mean, size)
        return np.asarray(rng.random((size, len(self.of_row))) < chance[:, self.of_row])

    def _unit_chances(self, rng: np.random.Generator, mean: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        scale = (1 - self.correlation) / self.correlation
        inside = (mean > 0) & (mean < 1)
        chance = np.repeat(mean[None], size, axis=0)
        alone = inside & ~self.several
        chance[:, alone] = rng.beta(mean[alone] * scale, (1 - mean[alone]) * scale, (size, int(alone.sum())))
        both = inside & self.several
        if both.any():
            quantile = rng.random((size, int(self.unit.max()) + 1))[:, self.unit[both]]
            chance[:, both] = betaincinv(mean[both] * scale, (1 - mean[both]) * scale, quantile)
        return chance
