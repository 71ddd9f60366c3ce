"""Every metric in every group with its interval, each by the method that holds up for its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.evaluation.core.sample import everyone
from dermbench.evaluation.intervals.count_metrics import count_estimates
from dermbench.evaluation.intervals.estimate import undefined
from dermbench.evaluation.intervals.mean_metrics import mean_estimates
from dermbench.evaluation.intervals.ranking_metrics import ranking_estimates
from dermbench.evaluation.resampling.design import Problem
from dermbench.evaluation.resampling.plan import N_RESAMPLES, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Grouping, Sample
    from dermbench.evaluation.intervals.estimate import Estimate, Interval
    from dermbench.evaluation.resampling.design import Estimates

NO_PROBABILITIES = "needs probabilities"


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
        Truth and predictions, in the order of ``image_id``. Metrics of another view need a sample of their
        own.
    metrics
        What to compute.
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
    sample: Sample, metrics: Sequence[Metric], grouping: Grouping | None = None, plan: Plan | None = None
) -> dict[tuple[str | None, str], Estimate]:
    """Return what :func:`intervals` does, with limits at any level; ``disparities`` can go on from there."""
    groups = everyone(len(sample)) if grouping is None else grouping.with_unknown()
    found = estimate(Problem(sample, groups, plan or Plan()), metrics)
    names = [None] if grouping is None else list(groups.names)
    return {(names[group], metric): item for (group, metric), item in found.items()}


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
        (group, metric.name): undefined(NO_PROBABILITIES, len(rows))
        for metric in lacking
        for group, rows in enumerate(problem.rows)
    }
    found |= count_estimates(problem, [m for m in able if m.kind == "counts"])
    found |= mean_estimates(problem, [m for m in able if m.kind == "mean"])
    for metric in able:
        if metric.kind == "ranking":
            found |= ranking_estimates(problem, metric)
    return found
