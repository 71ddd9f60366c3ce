"""Whether the worst group and the gap of a candidate differ from the baseline's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from dermbench.evaluation.core.sample import ELIGIBLE, eligible_classes
from dermbench.evaluation.intervals.proportions import share_estimate
from dermbench.evaluation.paired import pairs
from dermbench.evaluation.paired.arrays import Entrants
from dermbench.evaluation.paired.effects import Effect
from dermbench.evaluation.paired.scores import GroupScores, Scorer
from dermbench.evaluation.paired.swaps import Swaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Estimate
    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.resampling.plan import Plan

ONE_GROUP = "fewer than two known groups"
NO_INTERVAL = "a gap has no paired interval; read both simultaneous intervals"


@dataclass(frozen=True)
class Extremes:
    """Group values of one metric for all candidates, over the classes that all groups have.

    Attributes
    ----------
    metric, names
        The metric, and the groups.
    classes
        Classes of a macro metric.
    scores
        Values, replicates and left-out values with this metric alone; the last group is all known images.
    p_worst, p_gap
        P value of each candidate; NaN for the baseline.
    estimates
        Value of each group with its own limits, for each candidate.
    baseline
        Index of the candidate that the others are compared with.
    reason
        Why nothing is estimable.
    """

    metric: Metric
    names: tuple[str, ...]
    classes: NDArray[np.intp] | None
    scores: GroupScores | None
    p_worst: NDArray[np.float64]
    p_gap: NDArray[np.float64]
    estimates: Sequence[Sequence[Estimate]]
    baseline: int
    reason: str | None = None

    @property
    def values(self) -> NDArray[np.float64]:
        """Group values, shape (n_candidates, n_groups)."""
        assert self.scores is not None
        return self.scores.observed[:, :-1, 0]

    def worst(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the worst of the group values on the last axis."""
        return np.asarray(values.min(axis=-1) if self.metric.higher_is_better else values.max(axis=-1))

    def worst_effect(self, k: int) -> Effect:
        """Return the difference of the worst groups' values, candidate minus baseline."""
        assert self.scores is not None

        def apart(values: NDArray[np.float64]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = self.worst(values[:, k, :-1, 0]) - self.worst(
                values[:, self.baseline, :-1, 0]
            )
            return found

        return Effect(
            self.scores.estimate(apart, np.arange(len(self.names))), float(self.p_worst[k]), pairs.LABEL_SWAP
        )

    def gap(self, k: int) -> dict[str, Any]:
        """Return {value, low, high} of a candidate's gap, largest minus smallest: its simultaneous interval."""
        values = self.values[k]
        limits = limits_at(self.estimates[k], simultaneous_z(len(values)))
        found: dict[str, Any] = {"value": float(np.ptp(values))}
        if isinstance(limits, str):
            return found | {"reason": limits}
        low, high = gap_limits(values, *limits)
        return found | {"low": low, "high": high, "method": "Tukey-Newcombe, simultaneous"}


def extremes(
    candidates: Sequence[Candidate], baseline: int, metrics: Sequence[Metric], groups: Grouping, plan: Plan
) -> list[Extremes]:
    """Compare worst groups and gaps by label swaps.

    Parameters
    ----------
    candidates, baseline
        What is compared, and the index of the one that the others are compared with.
    metrics
        Metrics of counts.
    groups
        The groups that occur; images of unknown ones (code -1) are left out.
    plan
        Number of resamples and swaps, and the random numbers.
    """
    rows, known = groups.codes >= 0, groups.at(groups.codes >= 0)
    found = []
    for metric in metrics:
        entrants = Entrants.of(candidates, baseline, metric)
        views = [[replace(view, y_prob=None).take(rows) for view in seeds] for seeds in entrants.views]
        found.append(_extremes(Entrants(entrants.sample.take(rows), views, baseline), metric, known, plan))
    return found


def _extremes(entrants: Entrants, metric: Metric, groups: Grouping, plan: Plan) -> Extremes:
    if len(groups.names) < 2:
        return _nothing(metric, groups, entrants, ONE_GROUP)
    panel = entrants.panel(groups.codes, steps=metric.needs_order)
    classes = eligible_classes(panel.support) if metric.macro else None
    if classes is not None and len(classes) < 2:
        reason = f"not estimable: {len(classes)} classes have {ELIGIBLE} true cases in every group, needed are 2"
        return _nothing(metric, groups, entrants, reason)
    scorer, stream = Scorer([metric], classes), f"compare {groups.feature} extremes {metric.name}"
    units = entrants.units_of(groups.codes, len(groups.names))
    scores = GroupScores.of(
        panel, entrants.sizes, scorer, plan, n_units=units, stream=f"{stream} bootstrap", total=True
    )
    undefined = [name for g, name in enumerate(groups.names) if not np.isfinite(scores.observed[:, g, 0]).all()]
    if undefined:
        return _nothing(metric, groups, entrants, f"undefined in {', '.join(undefined)}: {metric.undefined_when}")
    none = np.empty(0)
    made = Extremes(metric, groups.names, classes, scores, none, none, (), entrants.baseline)

    def reduce(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([made.worst(values[..., 0]), np.ptp(values[..., 0], axis=-1)], axis=-1)

    swaps = Swaps(panel, entrants.sizes, entrants.baseline)
    p = swaps.p_values(scorer, reduce, plan, stream=f"{stream} swap")
    estimates = [
        [_group(entrants, metric, scores, groups, (k, g)) for g in range(len(groups.names))]
        for k in range(len(entrants.sizes))
    ]
    return Extremes(metric, groups.names, classes, scores, p[:, 0], p[:, 1], estimates, entrants.baseline)


def _nothing(metric: Metric, groups: Grouping, entrants: Entrants, reason: str) -> Extremes:
    none = np.full(len(entrants.sizes), np.nan)
    return Extremes(metric, groups.names, None, None, none, none, (), entrants.baseline, reason)


def _group(
    entrants: Entrants, metric: Metric, scores: GroupScores, groups: Grouping, where: tuple[int, int]
) -> Estimate:
    """Return a candidate's value in a group with its own limits."""
    k, g = where
    if not (metric.proportion and metric.trials is None):
        return scores.estimate(lambda values: values[:, k, g, 0], np.array([g]))
    rows = groups.codes == g
    hits, units = entrants.hits[k, rows], entrants.sample.units[rows]
    value, n = float(hits.mean()), int(rows.sum())
    if not entrants.sample.clustered and entrants.sizes[k] == 1:
        return share_estimate(value, n)
    number = np.unique(units, return_inverse=True)[1]
    return share_estimate(
        value, n, (np.bincount(number, weights=hits).astype(np.float64), np.bincount(number).astype(np.float64))
    )


@cache
def simultaneous_z(n_groups: int, *, level: float = 0.95) -> float:
    """Return q(level; n_groups, inf) / sqrt(2), the normal quantile for all pairwise differences at once."""
    return float(stats.studentized_range.ppf(level, n_groups, np.inf) / np.sqrt(2))


def gap_limits(
    values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the simultaneous (Tukey-Newcombe) interval of the largest difference between groups.

    Each pair of groups gets Newcombe's hybrid interval, that is MOVER on the groups' own limits; the largest
    difference lies between the largest lower end (or 0) and the largest upper end.

    Parameters
    ----------
    values, low, high
        Value of each group and its limits at :func:`simultaneous_z`, shape (n_groups,).

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 873-890; Zou & Donner (2008), Statistics in Medicine 27,
    1693-1702.
    """
    down, up = np.maximum(values - low, 0.0), np.maximum(high - values, 0.0)
    difference = values[:, None] - values[None, :]
    lower = difference - np.hypot(down[:, None], up[None, :])
    upper = difference + np.hypot(up[:, None], down[None, :])
    np.fill_diagonal(lower, -np.inf)
    np.fill_diagonal(upper, -np.inf)
    return float(max(0.0, lower.max())), float(max(0.0, upper.max()))


def limits_at(estimates: Sequence[Estimate], z: float) -> tuple[NDArray[np.float64], NDArray[np.float64]] | str:
    """Return the lower and upper limits of all groups at ``z``, or why one of them has none."""
    intervals = [item.interval(z) for item in estimates]
    for item in intervals:
        if item.low is None:
            return item.reason or "a group has no interval"
    return np.array([i.low for i in intervals], dtype=np.float64), np.array(
        [i.high for i in intervals], dtype=np.float64
    )
