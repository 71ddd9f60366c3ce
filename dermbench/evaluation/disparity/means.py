"""Tests of metrics that are means over images: accuracy, sensitivity, Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.disparity.gap_test import ROUNDING_NOISE, GapTest, Sides
from dermbench.evaluation.disparity.group_sums import group_sum
from dermbench.evaluation.disparity.within_class import Adjustment, Contrasts, contrasts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.disparity.compared import Compared
    from dermbench.evaluation.disparity.group_sums import Residuals, Sums

SHRINK = 4.0
"""Units with the expected variance that are added to the variance of each group."""


@dataclass(frozen=True)
class MeanTest:
    """Contrasts of a metric that is a mean over images, for any labelling.

    Attributes
    ----------
    metric, index
        The metric, and the index of its score among the residuals.
    family, adjustment
        Contrasts, and the within-class fit.
    weights
        Weight of each group's variance in the variance of each contrast, shape (n_contrasts, n_groups).
    units
        Independent units of each group that have a score, shape (n_groups,).
    level, group_level
        Mean score of all images, and of each group, shape (n_groups,).
    clustered
        Whether units have several images.
    image_squares
        Sum of squared residuals of the images of each group, shape (n_groups,).
    """

    metric: Metric
    index: int
    family: Contrasts
    adjustment: Adjustment
    weights: NDArray[np.float64]
    units: NDArray[np.float64]
    level: float
    group_level: NDArray[np.float64]
    clustered: bool
    image_squares: NDArray[np.float64]

    @classmethod
    def of(cls, data: Compared, metric: Metric, residuals: Residuals, index: int) -> MeanTest:
        """Prepare the score with this index among the residuals."""
        enters = residuals.enters[index]
        adjustment = Adjustment(residuals.counts[index])
        family = data.family if enters.all() else contrasts(adjustment, ordered=data.grouping.ordered)
        return cls(
            metric,
            index,
            family,
            adjustment,
            adjustment.variance_weights(family.rows),
            data.units(enters),
            float(residuals.level[index]),
            residuals.group_level[index],
            data.sample.clustered,
            group_sum(data.grouping.codes, residuals.widened[index] ** 2, data.n_groups),
        )

    @property
    def own_variance(self) -> bool:
        """Whether the variance of each group is measured; else it is the one expected without a difference."""
        return self.clustered or not self.metric.proportion

    def variance(
        self, residual: NDArray[np.float64], square: NDArray[np.float64], expected: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the variance of the sum of each group, per image, from sums of shape (size, n_groups).

        For independent proportions this is the variance expected without a difference. It is known, and it gives
        the test more power than the group's own variance, which is 0 in a small group without an error. For other
        metrics it is the group's own variance, with four units of the expected variance added.
        """
        n, m = np.maximum(self.adjustment.n, 1), np.maximum(self.units, 1)
        if not self.own_variance:
            return np.asarray(np.broadcast_to(expected / n, residual.shape))
        own = np.maximum(square - residual**2 / m, 0.0)
        return np.asarray((own + SHRINK * expected / m) / n * m / (m - 1 + SHRINK))

    def contrasts(
        self, residual: NDArray[np.float64], square: NDArray[np.float64], expected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return differences and standard errors, (size, n_contrasts), from sums of shape (size, n_groups)."""
        width = self.metric.bounds[1] - self.metric.bounds[0]
        values = np.clip(self.adjustment.effects(residual) @ self.family.rows.T, -width, width)
        return values, np.sqrt(self.variance(residual, square, expected) @ self.weights.T)

    def sides(self, observed: Sums) -> Sides | None:
        """Return the inputs of Wilson limits; None if the metric is not a proportion.

        The level of a group is its within-class value or its plain value, whichever is nearer to one half. If the
        effect of a group differs between classes, the within-class value can be 0 or 1 although its images vary.
        """
        if not self.metric.proportion:
            return None
        residual, square, expected = (a[0] for a in observed.score(self.index))
        effect, n = self.adjustment.effects(residual), self.adjustment.n
        level = np.clip(self.level + effect - (n * effect).sum() / max(1.0, n.sum()), 0.0, 1.0)
        level = np.where(np.abs(self.group_level - 0.5) < np.abs(level - 0.5), self.group_level, level)
        design = np.ones(len(n))
        if self.clustered:
            plain = self.image_squares / np.maximum(n, 1)
            np.divide(self.variance(residual, square, expected), plain, out=design, where=plain > ROUNDING_NOISE)
        weights, rows = self.weights * np.maximum(design, 1.0), self.family.rows
        sizes = np.full(rows.shape, np.inf)
        np.divide(rows**2, weights, out=sizes, where=(weights > ROUNDING_NOISE) & (np.abs(rows) > 0))
        return Sides(level, sizes)


def mean_tests(
    data: Compared,
    means: Sequence[MeanTest],
    observed: Sums,
    largest: NDArray[np.float64],
    gaps: NDArray[np.float64],
) -> dict[str, GapTest | str]:
    """Return the test of each metric, or the reason why no groups are comparable.

    Parameters
    ----------
    data, means
        The images, and the metrics.
    observed
        Observed sums over the groups.
    largest, gaps
        Largest statistic and gap of each permutation, shape (n_scores, n_permutations).
    """
    found: dict[str, GapTest | str] = {}
    for i, mean in enumerate(means):
        if not mean.family.n_pairs:
            scored = mean.adjustment.counts.any()
            found[mean.metric.name] = data.not_comparable(mean.family) if scored else mean.metric.undefined_when
            continue
        value, error = mean.contrasts(*observed.score(mean.index))
        found[mean.metric.name] = GapTest(
            mean.metric,
            mean.family,
            value[0],
            error[0],
            largest[i],
            float(np.median(gaps[i])),
            int((mean.adjustment.counts > 0).sum(axis=1).min()),
            mean.units,
            mean.sides(observed),
        )
    return found
