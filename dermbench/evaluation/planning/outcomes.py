"""Right and wrong answers that are drawn: beta-binomial within units.

A unit (patient) has its own probability of a right answer, drawn from a beta distribution whose mean p is the rate
of the unit's group; its images are right independently of each other with that probability. The correlation of two
images of a unit is the intra-class correlation r: the distribution is Beta(p (1 - r) / r, (1 - p) (1 - r) / r).
Where the images of one unit lie in several groups, the unit has the same quantile in each group's distribution.
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
    """What answers are drawn for.

    Attributes
    ----------
    of_row
        Part (images of one unit in one group) of each image, shape (n_images,).
    group, unit
        Group and unit of each part, shape (n_parts,).
    several
        Whether the unit of each part lies in several groups, same shape.
    correlation
        Intra-class correlation of two images of a unit, 0 up to but not 1.
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
        """Return right answers of ``size`` test sets, shape (size, n_images).

        Parameters
        ----------
        rng
            Random numbers.
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
