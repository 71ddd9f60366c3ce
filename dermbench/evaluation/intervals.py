"""The one place that gives a value its interval: every (metric, group) of a grouping at once.

Joins the report's samples and groupings to the statistical core, :mod:`dermbench.evaluation.stats`. The core
is imported inside functions: it loads scipy, which a mere look at the metrics does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.skin import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation import stats
    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.sample import Sample
    from dermbench.evaluation.stats import Plan
    from dermbench.evaluation.subgroups import Grouping

    Intervals = dict[tuple[str, str], stats.Interval]


def intervals(sample: Sample, grouping: Grouping, metrics: Sequence[Metric], plan: Plan) -> Intervals:
    """Return {(metric name, group name): interval} of every metric in every group.

    Parameters
    ----------
    sample
        Predictions and truth.
    grouping
        Groups of images.
    metrics
        What to compute; metrics of either view.
    plan
        Seed, number of resamples, workers.
    """
    from dermbench.evaluation import stats  # noqa: PLC0415 - loads scipy

    found: Intervals = {}
    for view in sorted({metric.view for metric in metrics}):
        chosen = [metric for metric in metrics if metric.view == view]
        table = stats.intervals(
            core_sample(sample, chosen[0]),
            chosen,
            core_grouping(grouping),
            seed=plan.seed,
            n_resamples=plan.n_resamples,
            workers=plan.workers,
        )
        found |= {(metric, str(group)): interval for (group, metric), interval in table.items()}
    return found


def core_sample(sample: Sample, metric: Metric) -> stats.Sample:
    """Return what the statistical core sees of a sample, in the view of ``metric``."""
    from dermbench.evaluation import stats  # noqa: PLC0415 - loads scipy

    view = sample.view(metric)
    unit = None if sample.truth.unit_column is None else sample.truth.unit
    return stats.Sample(view.y_true, view.y_pred, view.n_classes, unit=unit, y_prob=view.y_prob)


def core_grouping(grouping: Grouping) -> stats.Grouping:
    """Return the groups with unknown as code -1, as the statistical core has it."""
    from dermbench.evaluation import stats  # noqa: PLC0415 - loads scipy

    names = tuple(name for name in grouping.names if name != UNKNOWN)
    codes = np.where(grouping.codes < len(names), grouping.codes, -1)
    return stats.Grouping(grouping.feature, codes, names, ordered=grouping.ordered)


def n_of(metric: Metric, sample: Sample, rows: NDArray[np.intp]) -> int:
    """Return the number of images that a value rests on."""
    if metric.trials is None:
        return len(rows)
    return int(metric.trials(sample.view(metric).tally(rows)))
