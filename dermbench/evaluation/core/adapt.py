"""From the report's samples and groupings to those of the statistical core.

The core, :mod:`dermbench.evaluation.stats`, is imported inside functions: it loads scipy, which a mere look at
the metrics does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.skin import UNKNOWN
from dermbench.evaluation.core import sample as sample_

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.sample import Sample, View


def core_sample(sample: Sample, view: View | None = None) -> sample_.Sample:
    """Return what the statistical core sees of a sample, in a view (by default all classes of the task)."""
    seen = sample.full if view is None else view
    unit = None if sample.truth.unit_column is None else sample.truth.unit
    return sample_.Sample(seen.y_true, seen.y_pred, seen.n_classes, unit=unit, y_prob=seen.y_prob)


def core_grouping(grouping: Grouping) -> sample_.Grouping:
    """Return the groups on their whole scale, with unknown as code -1."""
    names = grouping.scale or tuple(name for name in grouping.names if name != UNKNOWN)
    place = {name: index for index, name in enumerate(names)}
    codes = np.array([place.get(name, -1) for name in grouping.names], dtype=np.intp)[grouping.codes]
    ordered, crossed = bool(grouping.scale), grouping.intersection
    return sample_.Grouping(grouping.feature, codes, names, ordered=ordered, intersection=crossed)


def by_view(sample: Sample, metrics: Sequence[Metric]) -> Iterator[tuple[sample_.Sample, list[Metric]]]:
    """Yield the sample in each view that some of the metrics have, and these metrics."""
    for name in sorted({metric.view for metric in metrics}):
        chosen = [metric for metric in metrics if metric.view == name]
        yield core_sample(sample, sample.view(chosen[0])), chosen
