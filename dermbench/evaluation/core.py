"""From the report's samples and groupings to those of the statistical core.

The core, :mod:`dermbench.evaluation.stats`, is imported inside functions: it loads scipy, which a mere look at
the metrics does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.skin import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dermbench.evaluation import stats
    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.sample import Sample, View
    from dermbench.evaluation.subgroups import Grouping


def core_sample(sample: Sample, view: View | None = None) -> stats.Sample:
    """Return what the statistical core sees of a sample, in a view (by default all classes of the task)."""
    from dermbench.evaluation import stats  # noqa: PLC0415 - loads scipy

    seen = sample.full if view is None else view
    unit = None if sample.truth.unit_column is None else sample.truth.unit
    return stats.Sample(seen.y_true, seen.y_pred, seen.n_classes, unit=unit, y_prob=seen.y_prob)


def core_grouping(grouping: Grouping) -> stats.Grouping:
    """Return the groups on their whole scale, with unknown as code -1."""
    from dermbench.evaluation import stats  # noqa: PLC0415 - loads scipy

    names = grouping.scale or tuple(name for name in grouping.names if name != UNKNOWN)
    place = {name: index for index, name in enumerate(names)}
    codes = np.array([place.get(name, -1) for name in grouping.names], dtype=np.intp)[grouping.codes]
    ordered, crossed = bool(grouping.scale), grouping.intersection
    return stats.Grouping(grouping.feature, codes, names, ordered=ordered, intersection=crossed)


def by_view(sample: Sample, metrics: Sequence[Metric]) -> Iterator[tuple[stats.Sample, list[Metric]]]:
    """Yield the sample in each view that some of the metrics have, and these metrics."""
    for name in sorted({metric.view for metric in metrics}):
        chosen = [metric for metric in metrics if metric.view == name]
        yield core_sample(sample, sample.view(chosen[0])), chosen
