"""The one place that gives a value its interval: every (metric, group) of a grouping at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.sample import Sample
    from dermbench.evaluation.subgroups import Grouping

ALPHA = 0.05


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, or the reason why there is none.

    Attributes
    ----------
    low, high
        Ends; NaN without an interval.
    method
        How it was made.
    reason
        Why there is none.
    """

    low: float = float("nan")
    high: float = float("nan")
    method: str | None = None
    reason: str | None = None


Intervals = dict[tuple[str, int], Interval]
"""Interval of each (metric name, group index)."""


def wilson(successes: NDArray[np.float64], trials: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the ends of Wilson's 95 % interval of proportions; NaN where there is no trial."""
    from statsmodels.stats.proportion import proportion_confint  # noqa: PLC0415 - slow to import

    there = np.asarray(trials) > 0
    low, high = np.full(there.shape, np.nan), np.full(there.shape, np.nan)
    if there.any():
        ends = proportion_confint(successes[there], trials[there], alpha=ALPHA, method="wilson")
        low[there], high[there] = ends
    return low, high


def intervals(
    sample: Sample, grouping: Grouping, metrics: Sequence[Metric], values: NDArray[np.float64]
) -> Intervals:
    """Return an interval for every metric and group.

    Parameters
    ----------
    sample
        Predictions and truth.
    grouping
        Groups of images.
    metrics
        Metrics, in the order of the columns of ``values``.
    values
        Point values, shape (n_groups, n_metrics).
    """
    found: Intervals = {}
    for column, metric in enumerate(metrics):
        if not metric.proportion:
            continue
        trials = np.array(
            [n_of(metric, sample, grouping.rows(g)) for g in range(len(grouping.names))], dtype=float
        )
        low, high = wilson(np.nan_to_num(values[:, column]) * trials, trials)
        for index in range(len(trials)):
            found[metric.name, index] = Interval(float(low[index]), float(high[index]), "Wilson")
    return found


def n_of(metric: Metric, sample: Sample, rows: NDArray[np.intp]) -> int:
    """Return the number of images that a value rests on."""
    if metric.trials is None:
        return len(rows)
    return int(metric.trials(sample.view(metric).tally(rows)))
