"""The images of one feature that are compared, and the elements whose group labels are permuted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES
from dermbench.evaluation.disparity.within_class import LEAST_OVERLAP, Adjustment, Contrasts, contrasts
from dermbench.evaluation.resampling.strata import elements

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan
    from dermbench.evaluation.resampling.strata import Elements

MANY_CLASSES = "a ranking metric of more than two classes has no within-class gap"


@dataclass(frozen=True)
class Compared:
    """Images of known groups, and the elements that are permuted.

    Attributes
    ----------
    sample, grouping
        The images, all of known groups.
    plan
        Seed, number of permutations, workers.
    parts
        The elements that are permuted.
    family
        Contrasts for metrics that are defined for every image.
    counts
        Images of each group and class, shape (n_groups, n_classes).
    """

    sample: Sample
    grouping: Grouping
    plan: Plan
    parts: Elements
    family: Contrasts
    counts: NDArray[np.float64]

    @classmethod
    def of(cls, sample: Sample, grouping: Grouping, plan: Plan) -> Compared:
        """Leave out images of unknown groups, and find the contrasts and the elements to permute."""
        known = grouping.known()
        rows = known.codes >= 0
        sample, grouping = sample.take(rows), known.at(rows)
        shape = (len(grouping.names), int(sample.stratum.max(initial=0)) + 1)
        cells = grouping.codes * shape[1] + sample.stratum
        counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
        family = contrasts(Adjustment(counts), ordered=grouping.ordered)
        return cls(sample, grouping, plan, elements(sample, grouping.codes), family, counts)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.grouping.names)

    @property
    def placed(self) -> NDArray[np.intp]:
        """Group at each place of the permuted elements, shape (n_elements, 1)."""
        label = np.empty_like(self.parts.label)
        label[self.parts.place] = self.parts.label
        return label[:, None]

    def units(self, enters: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Count the independent units of each group among some images, shape (n_groups,)."""
        if not self.sample.clustered:
            return np.bincount(self.grouping.codes[enters], minlength=self.n_groups).astype(np.float64)
        pairs = np.unique(self.grouping.codes[enters] * self.sample.n_units + self.sample.units[enters])
        return np.bincount(pairs // max(1, self.sample.n_units), minlength=self.n_groups).astype(np.float64)

    def reason(self, metric: Metric) -> str | None:
        """Say why a metric has no gap, whatever the labels are."""
        if metric.needs_probabilities and self.sample.y_prob is None:
            return NEEDS_PROBABILITIES
        if metric.kind == "ranking" and self.sample.view(metric.view).n_classes > 2:
            return MANY_CLASSES
        return None if self.family.n_pairs else self.not_comparable(self.family)

    def not_comparable(self, family: Contrasts) -> str:
        """Say which groups are not comparable."""
        names = self.grouping.names
        pairs = ", ".join(f"{names[i]} and {names[j]}" for i, j in family.not_comparable[:3])
        more = f" and {len(family.not_comparable) - 3} more pairs" if len(family.not_comparable) > 3 else ""
        return f"not comparable: {pairs}{more} share too few classes (overlap below {LEAST_OVERLAP})"

    @property
    def n_classes(self) -> int:
        """Fewest classes that occur in a group."""
        return int((self.counts > 0).sum(axis=1).min())
