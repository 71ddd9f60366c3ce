"""The one place that gives a value its uncertainty: every (metric, group) of a grouping at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.evaluation.core.adapt import by_view, core_grouping
from dermbench.evaluation.intervals import every_metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Estimate
    from dermbench.evaluation.resampling.plan import Plan
    from dermbench.evaluation.sample import Sample

    Estimates = dict[tuple[str | None, str], Estimate]


def estimates(sample: Sample, grouping: Grouping, metrics: Sequence[Metric], plan: Plan) -> Estimates:
    """Return {(group name, metric name): estimate} of every metric in every group.

    Parameters
    ----------
    sample
        Predictions and truth.
    grouping
        Groups of images.
    metrics
        What to compute; metrics of any view.
    plan
        Seed, number of resamples, workers.
    """
    groups = core_grouping(grouping)
    found: Estimates = {}
    for part, chosen in by_view(sample, metrics):
        found |= every_metric.estimates(part, chosen, groups, plan)
    return found


def n_of(metric: Metric, sample: Sample, rows: NDArray[np.intp]) -> int:
    """Return the number of images that a value rests on."""
    if metric.trials is None:
        return len(rows)
    return int(metric.trials(sample.view(metric).tally(rows)))
