"""Every metric in every group with its interval, each by the method that holds up for its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES
from dermbench.evaluation.intervals.count_metrics import count_estimates
from dermbench.evaluation.intervals.estimate import undefined
from dermbench.evaluation.intervals.mean_metrics import mean_estimates
from dermbench.evaluation.intervals.ranking_metrics import ranking_estimates
from dermbench.evaluation.resampling.design import Problem
from dermbench.evaluation.resampling.plan import N_RESAMPLES, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Estimate, Estimates, Interval

    GroupEstimates = dict[tuple[str | None, str], Estimate]


def intervals(
    sample: Sample,
    metrics: Sequence[Metric],
    grouping: Grouping | None = None,
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    workers: int = 1,
) -> dict[tuple[str | None, str], Interval]:
    """Return every metric with its 95 % interval, overall or for each group.

    Parameters
    ----------
    sample
        Truth and predictions, in the order of ``image_id``.
    metrics
        What to compute; metrics of any kind and view.
    grouping
        Sensitive feature. None for the whole sample.
    seed, n_resamples, workers
        See :class:`~dermbench.evaluation.resampling.plan.Plan`.

    Returns
    -------
    dict
        {(group name, metric name): interval}; the group is None without ``grouping``. Groups are those that
        occur, then ``"unknown"`` where the feature is missing for some image.
    """
    plan = Plan(seed, n_resamples, workers)
    return {key: item.interval() for key, item in estimates(sample, metrics, grouping, plan).items()}


def estimates(
    sample: Sample,
    metrics: Sequence[Metric],
    grouping: Grouping | None = None,
    plan: Plan | None = None,
    *,
    table: GroupTable | None = None,
) -> GroupEstimates:
    """Return what :func:`intervals` does, with limits at any level.

    Parameters
    ----------
    sample, metrics, grouping
        As for :func:`intervals`.
    plan
        Seed, number of resamples, workers.
    table
        Table of this grouping with the values of the metrics, where it has been made: they become the values of
        the estimates.
    """
    if table is None:
        chosen = [] if grouping is None else [grouping]
        table = group_tables(sample, chosen, metrics)[None if grouping is None else grouping.feature]
    found: GroupEstimates = {}
    for view in sorted({metric.view for metric in metrics}):
        problem = Problem(sample.view(view), table.grouping, plan or Plan(), table=table)
        made = estimate(problem, [metric for metric in metrics if metric.view == view])
        found |= {(table.names[group], metric): item for (group, metric), item in made.items()}
    return found


def estimate(problem: Problem, metrics: Sequence[Metric]) -> Estimates:
    """Return every metric of each group as an estimate with limits at any level.

    Parameters
    ----------
    problem
        The data, groups and resampling.
    metrics
        What to compute.

    Returns
    -------
    dict
        {(index of the group, metric name): estimate}.
    """
    lacking = [m for m in metrics if m.needs_probabilities and problem.sample.y_prob is None]
    able = [m for m in metrics if m not in lacking]
    found: Estimates = {
        (group, metric.name): undefined(NEEDS_PROBABILITIES, len(rows))
        for metric in lacking
        for group, rows in enumerate(problem.rows)
    }
    found |= count_estimates(problem, [m for m in able if m.kind == "counts"])
    found |= mean_estimates(problem, [m for m in able if m.kind == "mean"])
    for metric in able:
        if metric.kind == "ranking":
            found |= ranking_estimates(problem, metric)
    return found
