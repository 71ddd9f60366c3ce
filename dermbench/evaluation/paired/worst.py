"""Worst groups: values of candidates in their worst group, compared with the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.sample import MIN_ELIGIBLE, eligible_classes, too_few_eligible
from dermbench.evaluation.paired import pairs
from dermbench.evaluation.paired.arrays import Models
from dermbench.evaluation.paired.effects import Effect
from dermbench.evaluation.paired.scores import GroupScores, Scorer
from dermbench.evaluation.paired.swaps import swap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.resampling.plan import Plan

ONE_GROUP = "fewer than two known groups"


@dataclass(frozen=True)
class Worst:
    """Group values of one metric for all candidates, over classes with enough cases in all groups.

    Attributes
    ----------
    metric, names
        The metric, and the groups.
    classes
        Classes that a macro metric averages over; None for other metrics.
    scores
        Observed, resampled and left-out values of this metric; the last group holds all images of known group.
    p_value
        {index of a candidate: p value of its worst group}, without the baseline.
    baseline
        Index of the baseline.
    """

    metric: Metric
    names: tuple[str, ...]
    classes: NDArray[np.intp] | None
    scores: GroupScores
    p_value: dict[int, float]
    baseline: int

    @property
    def values(self) -> NDArray[np.float64]:
        """Group values, shape (n_candidates, n_groups)."""
        return self.scores.observed[:, :-1, 0]

    @property
    def group(self) -> NDArray[np.intp]:
        """Index of each candidate's worst group, shape (n_candidates,)."""
        return np.asarray((self.values if self.metric.higher_is_better else -self.values).argmin(axis=1))

    @property
    def worst(self) -> NDArray[np.float64]:
        """Value of each candidate's worst group, shape (n_candidates,)."""
        return _worst(self.metric, self.values)

    def effect(self, k: int) -> Effect:
        """Return the difference of the worst-group values, candidate minus baseline."""

        def apart(values: NDArray[np.float64]) -> NDArray[np.float64]:
            both = _worst(self.metric, values[..., 0][:, [self.baseline, k], :-1])
            return np.asarray(both[:, 1] - both[:, 0])

        estimate = self.scores.estimate(apart, np.arange(len(self.names)))
        return Effect(estimate, self.p_value[k], pairs.LABEL_SWAP)


def _worst(metric: Metric, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the worst of the group values on the last axis."""
    return np.asarray(values.min(axis=-1) if metric.higher_is_better else values.max(axis=-1))


def worst_groups(
    candidates: Sequence[Candidate], baseline: int, metrics: Sequence[Metric], groups: Grouping, plan: Plan
) -> dict[str, Worst | str]:
    """Compare worst groups by label swaps.

    Parameters
    ----------
    candidates, baseline
        All models, and the index of the baseline among them.
    metrics
        Metrics of counts.
    groups
        The groups that occur; images of unknown group (code -1) are left out.
    plan
        Number of resamples and swaps, and the random numbers.

    Returns
    -------
    dict
        {metric name: worst groups, or the reason why there are none}.
    """
    rows, known = groups.codes >= 0, groups.at(groups.codes >= 0)
    found: dict[str, Worst | str] = {}
    for metric in metrics:
        models = Models.of(candidates, baseline, metric)
        views = [[replace(view, y_prob=None).take(rows) for view in seeds] for seeds in models.views]
        found[metric.name] = _compare(Models(models.sample.take(rows), views, baseline), metric, known, plan)
    return found


def _compare(models: Models, metric: Metric, groups: Grouping, plan: Plan) -> Worst | str:
    if len(groups.names) < 2:
        return ONE_GROUP
    tallies = models.tallies(groups.codes, steps=metric.needs_order)
    classes = eligible_classes(tallies.support) if metric.macro else None
    if classes is not None and len(classes) < MIN_ELIGIBLE:
        return too_few_eligible(len(classes))
    scorer, stream = Scorer([metric], classes), f"compare {groups.feature} extremes {metric.name}"
    units = models.units_of(groups.codes, len(groups.names))
    scores = GroupScores.of(
        tallies, models.sizes, scorer, plan, n_units=units, stream=f"{stream} bootstrap", total=True
    )
    undefined = [name for g, name in enumerate(groups.names) if not np.isfinite(scores.observed[:, g, 0]).all()]
    if undefined:
        return f"undefined in {', '.join(undefined)}: {metric.undefined_when}"
    p = swap(
        tallies,
        models.pairs,
        scorer,
        plan,
        stream=f"{stream} swap",
        reduce=lambda values: _worst(metric, values[..., 0])[:, None],
    ).p_value[:, 0]
    tested = dict(zip(models.others, p.tolist(), strict=True))
    return Worst(metric, groups.names, classes, scores, tested, models.baseline)
