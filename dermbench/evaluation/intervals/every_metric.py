"""Estimates of metrics of any kind in every group, each with the interval method of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES
from dermbench.evaluation.intervals.count_metrics import count_estimates
from dermbench.evaluation.intervals.estimate import Design, undefined
from dermbench.evaluation.intervals.estimate import GroupEstimates as GroupEstimates  # noqa: PLC0414 - exported
from dermbench.evaluation.intervals.mean_metrics import mean_estimates
from dermbench.evaluation.intervals.ranking_metrics import ranking_estimates
from dermbench.evaluation.resampling.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample


def estimates(
    sample: Sample,
    metrics: Sequence[Metric],
    grouping: Grouping | None = None,
    plan: Plan | None = None,
    *,
    table: GroupTable | None = None,
) -> GroupEstimates:
    """Return metrics as estimates with limits at any level, overall or for each group.

    Parameters
    ----------
    sample
        Truth and predictions, in the order of ``image_id``.
    metrics
        Metrics of any kind and view.
    grouping
        Sensitive feature; None for the whole sample.
    plan
        Seed, number of resamples, workers.
    table
        Values of the metrics in this grouping; computed by default.

    Returns
    -------
    dict
        {(group name, metric name): estimate}; the group is None without ``grouping``. Groups are those that
        occur, then ``"unknown"`` if the feature is missing for some image.
    """
    if table is None:
        chosen = [] if grouping is None else [grouping]
        table = group_tables(sample, chosen, metrics)[None if grouping is None else grouping.feature]
    found: GroupEstimates = {}
    for view in sorted({metric.view for metric in metrics}):
        design = Design(sample.view(view), table, plan or Plan())
        asked = [m for m in metrics if m.view == view]
        lacking = [m for m in asked if m.needs_probabilities and design.sample.y_prob is None]
        able = [m for m in asked if m not in lacking]
        found |= {(name, m.name): undefined(NEEDS_PROBABILITIES) for m in lacking for name in table.names}
        found |= count_estimates(design, [m for m in able if m.kind == "counts"])
        found |= mean_estimates(design, [m for m in able if m.kind == "mean"])
        for metric in able:
            if metric.kind == "ranking":
                found |= ranking_estimates(design, metric)
    return found
