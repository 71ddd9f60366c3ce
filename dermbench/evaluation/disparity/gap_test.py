"""Contrasts of one metric between groups, with statistic, p-value and critical value by permutation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.disparity.within_class import Contrasts

ALPHA = 0.05
"""Level of every test of a gap."""
DIGITS = 9
"""Decimals of a statistic: rounding makes ties compare as equal."""
ROUNDING_NOISE = 1e-12
"""Standard errors below this are rounding noise: the statistic is 0."""
ENOUGH_UNITS = 30
"""Fewest independent units of every group for a test of a mean that is not a proportion."""


@dataclass(frozen=True)
class GapTest:
    """Contrasts of one metric, observed and under permutation.

    Attributes
    ----------
    metric
        The metric.
    family
        The contrasts.
    values, errors
        Difference and standard error of each contrast, shape (n_contrasts,).
    permuted
        Largest statistic of each permutation, shape (n_permutations,).
    chance
        Median over permutations of the largest difference between two groups.
    n_classes
        Fewest classes that occur in a compared group.
    units
        Independent units of each group that have a score, shape (n_groups,).
    sides
        For a proportion, the inputs of its Wilson limits; None for other metrics.
    """

    metric: Metric
    family: Contrasts
    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    permuted: NDArray[np.float64]
    chance: float
    n_classes: int
    units: NDArray[np.float64]
    sides: Sides | None = None

    @property
    def statistics(self) -> NDArray[np.float64]:
        """Statistic of each contrast, shape (n_contrasts,)."""
        return studentised(self.values, self.errors)

    @property
    def gap(self) -> float:
        """Largest difference between two comparable groups, or sides of a cut."""
        return float(np.abs(self.values).max(initial=0.0))

    @property
    def untested(self) -> str | None:
        """Why the gap is shown without a test; None if it is tested."""
        if not self.metric.tested:
            return "equal means with unequal spread are rejected too often for this loss"
        if self.metric.is_mean and not self.metric.proportion and self.units.min() < ENOUGH_UNITS:
            return f"a group has fewer than {ENOUGH_UNITS} independent units"
        return None


@dataclass(frozen=True)
class Sides:
    """Inputs of the Wilson limits of contrasts of a proportion.

    Attributes
    ----------
    level
        Within-class proportion of each group, shape (n_groups,).
    sizes
        Effective sample size of each group in each contrast, shape (n_contrasts, n_groups); infinite for groups
        outside the contrast.
    """

    level: NDArray[np.float64]
    sizes: NDArray[np.float64]


def studentised(values: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |values| / errors, rounded; 0 where the error is 0."""
    out = np.zeros(np.broadcast_shapes(values.shape, errors.shape))
    np.divide(np.abs(values), errors, out=out, where=errors > ROUNDING_NOISE)
    return np.asarray(np.round(out, DIGITS))


def p_value(observed: float, permuted: NDArray[np.float64], *, features: int = 1) -> float:
    """Return (b + 1) / (B + 1) times the number of features, at most 1, with b of B permutations as extreme."""
    b = int((permuted >= observed).sum())
    return min(1.0, features * (b + 1) / (len(permuted) + 1))


def critical(permuted: NDArray[np.float64], *, features: int = 1) -> float:
    """Return the statistic above which p <= .05; infinite if no p can be that small."""
    k = int(ALPHA * (len(permuted) + 1) / features + 1e-9)
    return float(np.partition(permuted, -k)[-k]) if k else float("inf")
