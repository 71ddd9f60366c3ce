"""One bootstrap problem: a sample, its groups, the classes that are averaged over, and how much to draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.scoring import scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric, Tally
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan


@dataclass(frozen=True)
class Problem:
    """What estimates are made for.

    Attributes
    ----------
    sample, grouping
        The data. Images of unknown groups are resampled but belong to none.
    plan
        Number of resamples, and the random numbers.
    classes
        Classes that macro metrics average over; None for those that occur in the truth of each group.
    table
        Values of the metrics in these groups, where they have been computed.
    """

    sample: Sample
    grouping: Grouping
    plan: Plan
    classes: NDArray[np.intp] | None = None
    table: GroupTable | None = None

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.grouping.names)

    @property
    def stream(self) -> str:
        """Name of the stream of random numbers."""
        return f"bootstrap {self.grouping.feature}"

    @cached_property
    def rows(self) -> list[NDArray[np.intp]]:
        """Positions of the images of each group."""
        return [np.flatnonzero(self.grouping.codes == group) for group in range(self.n_groups)]

    @cached_property
    def n_units(self) -> list[int]:
        """Independent units that have an image in each group."""
        return [len(np.unique(self.sample.units[rows])) for rows in self.rows]

    def values(self, metrics: Sequence[Metric]) -> NDArray[np.float64]:
        """Return the value of each metric in each group, shape (n_groups, n_metrics), NaN where undefined."""
        if self.table is not None:
            return self.table.columns(metrics)
        found = [scores(metrics, self.sample, rows=rows, classes=self.classes) for rows in self.rows]
        return np.array(found).reshape(self.n_groups, len(metrics))

    def cut(self, metric: Metric, tally: Tally) -> Tally:
        """Return the counts that ``metric`` is a function of."""
        return tally if self.classes is None or not metric.macro else tally.take(self.classes)

    def scores(self, metrics: Sequence[Metric], tally: Tally) -> NDArray[np.float64]:
        """Return the values of metrics of counts, shape (..., n_metrics); equal functions are computed once."""
        if not metrics:
            return np.empty((*tally.support.shape[:-1], 0))
        cut = {m.macro: self.cut(m, tally) for m in metrics}
        made = {
            key: np.asarray(key[0](cut[key[1]])).T for key in dict.fromkeys((m.score, m.macro) for m in metrics)
        }
        return np.stack([made[m.score, m.macro] for m in metrics]).T
