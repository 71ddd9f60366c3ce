"""Differences of metrics between candidates and baseline, with paired intervals and tests, in every group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from dermbench.artifacts.comparison import Difference
from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.intervals.estimate import Estimate, normal_limits
from dermbench.evaluation.intervals.mean_metrics import group_means
from dermbench.evaluation.paired import pairs
from dermbench.evaluation.paired.arrays import Models
from dermbench.evaluation.paired.proportions import paired_difference
from dermbench.evaluation.paired.scores import GroupScores, Scorer, paired_estimate
from dermbench.evaluation.paired.swaps import swap
from dermbench.evaluation.resampling.bootstrap import bootstrap_sums, bootstrap_weights
from dermbench.evaluation.resampling.resample import as_tally, sum_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric, Tally
    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.resampling.plan import Plan

    Effects = dict[tuple[int, int, str], "Effect"]

NO_TEST = "no paired test of this metric is offered; read the interval"
NO_PROBABILITIES = "needs probabilities of both models"
WHOLE_ONLY = "compared on all images only"
NO_VARIANCE = "DeLong's variance of the difference is 0"
SMALLEST = 1e-6
"""Smallest p value in a record: it has six decimals, and a p value is never 0."""
TINY = 1e-12
WEIGHTED = 1999
"""Most resamples of a ranking metric, which is slow to compute."""


@dataclass(frozen=True)
class Effect:
    """Difference of a metric, candidate minus baseline.

    Attributes
    ----------
    estimate
        The difference with paired limits; NaN if the metric is undefined for a model.
    p_value
        Two-sided; None without a test.
    test
        Name of the test.
    reason
        Why there is no test.
    """

    estimate: Estimate
    p_value: float | None = None
    test: str | None = None
    reason: str | None = None

    def record(self, p_holm: float | None = None, seed_se: float | None = None) -> Difference:
        """Return the record of the difference.

        Parameters
        ----------
        p_holm
            The corrected p value; None outside of a family.
        seed_se
            Standard error from the seeds; None if a model has a single seed.
        """
        cell = self.estimate.cell()
        reasons = [cell.reason, None if cell.value is None or self.p_value is not None else self.reason]
        return Difference(
            **cell.model_dump(exclude={"reason"}),
            reason="; ".join(filter(None, reasons)) or None,
            p_value=None if self.p_value is None else max(self.p_value, SMALLEST),
            p_holm=p_holm,
            test=self.test,
            seed_se=seed_se,
        )


def undefined_effect(reason: str) -> Effect:
    """Return the effect on an undefined metric."""
    return Effect(Estimate(float("nan"), 0, reason=reason))


def effects(
    candidates: Sequence[Candidate], baseline: int, metrics: Sequence[Metric], groups: Grouping, plan: Plan
) -> Effects:
    """Compare every candidate with the baseline on every metric in every group.

    Parameters
    ----------
    candidates, baseline
        All models, and the index of the baseline among them.
    metrics
        Metrics of any kind and view.
    groups
        Groups that all occur; every image has one.
    plan
        Number of resamples and swaps, and the random numbers.

    Returns
    -------
    dict
        {(candidate, group, metric name): effect}, without the baseline.
    """
    found: Effects = {}
    for view in sorted({metric.view for metric in metrics}):
        chosen = [metric for metric in metrics if metric.view == view]
        models = Models.of(candidates, baseline, chosen[0])
        stream = f"compare {groups.feature} {view}"
        hits = [m for m in chosen if m.kind == "counts" and m.proportion and m.trials is None]
        found |= _hits(models, models.hits, hits, groups, plan, stream)
        counts = [metric for metric in chosen if metric.kind == "counts" and metric not in hits]
        if counts:
            found |= _counts(models, counts, groups, plan, stream)
        for metric in chosen:
            if metric.kind != "counts":
                found |= _of_probabilities(models, metric, groups, plan, stream)
    return found


def _rows(groups: Grouping) -> list[NDArray[np.intp]]:
    return [np.flatnonzero(groups.codes == g) for g in range(len(groups.names))]


def _hits(
    models: Models,
    hits: NDArray[np.float64],
    metrics: Sequence[Metric],
    groups: Grouping,
    plan: Plan,
    stream: str,
) -> Effects:
    found: Effects = {}
    for g, rows in enumerate(_rows(groups)):
        part = models.sample.take(rows)
        for k in models.others if metrics else ():
            both = hits[[models.baseline, k]][:, rows]
            (p,), test = pairs.sum_tests(part, both, plan, stream=f"{stream} {groups.names[g]}")
            effect = Effect(paired_difference(part, *both), float(p), test)
            found |= {(k, g, metric.name): effect for metric in metrics}
    return found


def _counts(models: Models, metrics: Sequence[Metric], groups: Grouping, plan: Plan, stream: str) -> Effects:
    steps, n_groups = any(metric.needs_order for metric in metrics), len(groups.names)
    tallies, scorer = models.tallies(groups.codes, steps=steps), Scorer(metrics)
    units = models.units_of(groups.codes, n_groups)
    scores = GroupScores.of(tallies, models.sizes, scorer, plan, n_units=units, stream=f"{stream} bootstrap")
    tested = swap(tallies, models.pairs, scorer, plan, stream=f"{stream} swap").p_value
    p = dict(zip(models.others, tested.reshape(-1, n_groups, len(metrics)), strict=True))
    tally = as_tally(tallies.cells.totals()[:, None], tallies.n_classes, steps=steps)
    found: Effects = {}
    for k in models.others:
        for g in range(n_groups):
            for m, metric in enumerate(metrics):
                estimate = _difference(scores, metric, (models.baseline, k, g, m), _at(tally, g))
                p_value = float(p[k][g, m]) if np.isfinite(p[k][g, m]) else None
                test = None if p_value is None else pairs.LABEL_SWAP
                found[k, g, metric.name] = Effect(estimate, p_value, test)
    return found


def _at(tally: Tally, group: int) -> Tally:
    """Return the counts of the first model in a group."""
    return type(tally)(tally.support[0, group], tally.predicted[0, group], tally.correct[0, group])


def _rare(metric: Metric, tally: Tally) -> str | None:
    """Say why a macro metric has no interval (a class with fewer than 10 true cases); None if it has one."""
    there = tally.support[tally.support > 0]
    few = int((there < ELIGIBLE).sum())
    if not metric.macro or few == 0:
        return None
    return f"no interval: {few} of {len(there)} classes have fewer than {ELIGIBLE} true cases"


def _difference(scores: GroupScores, metric: Metric, where: tuple[int, int, int, int], tally: Tally) -> Estimate:
    first, second, g, m = where
    value = float(scores.observed[second, g, m] - scores.observed[first, g, m])
    if not np.isfinite(value):
        return Estimate(value, int(scores.n[g]), reason=metric.undefined_when)
    reason = _rare(metric, tally)
    if reason is not None:
        return Estimate(value, int(scores.n[g]), reason=reason)
    return scores.estimate(lambda v: v[:, second, g, m] - v[:, first, g, m], np.array([g]))


def _of_probabilities(models: Models, metric: Metric, groups: Grouping, plan: Plan, stream: str) -> Effects:
    """Compare on a metric of probabilities."""
    base = models.has_probabilities(models.baseline)
    able = [k for k in models.others if base and models.has_probabilities(k)]
    n_groups = len(groups.names)
    found: Effects = {
        (k, g, metric.name): undefined_effect(NO_PROBABILITIES)
        for k in models.others
        if k not in able
        for g in range(n_groups)
    }
    for k in able:
        if metric.kind == "mean":
            made = _mean(models, metric, k, groups, plan, stream)
        elif metric.name == "auroc_ovr":
            made = [_delong(models, metric, k, rows) for rows in _rows(groups)]
        elif n_groups == 1:
            made = [_ranking(models, metric, k, plan, stream)]
        else:
            made = [undefined_effect(WHOLE_ONLY)] * n_groups
        found |= {(k, g, metric.name): effect for g, effect in enumerate(made)}
    return found


def _mean(models: Models, metric: Metric, k: int, groups: Grouping, plan: Plan, stream: str) -> list[Effect]:
    both = np.stack([models.means(metric, models.baseline), models.means(metric, k)])
    if not np.isfinite(both).all():
        return [undefined_effect(metric.undefined_when)] * len(groups.names)
    if metric.proportion:
        pair = Models(models.sample, models.views[:2], 0)
        made = _hits(pair, both, [metric], groups, plan, f"{stream} {metric.name}")
        return [made[1, g, metric.name] for g in range(len(groups.names))]
    cells = sum_cells(models.sample, groups.codes, len(groups.names), (both[1] - both[0])[None])
    replicates, accelerations = bootstrap_sums(
        cells, lambda sums: group_means(sums, 1), 2, plan, stream=f"{stream} bootstrap {metric.name}"
    )
    units = models.units_of(groups.codes, len(groups.names))
    found = []
    for g, rows in enumerate(_rows(groups)):
        part, value = models.sample.take(rows), float(np.mean(both[1, rows] - both[0, rows]))
        (p,), test = pairs.sum_tests(part, both[:, rows], plan, stream=f"{stream} {metric.name} {groups.names[g]}")
        estimate = paired_estimate(
            value, replicates[g, 0], accelerations[g, 0], n=len(rows), n_units=int(units[g])
        )
        found.append(Effect(estimate, float(p), test))
    return found


def _delong(models: Models, metric: Metric, k: int, rows: NDArray[np.intp]) -> Effect:
    both = [
        [view.y_prob[rows] for view in models.views[candidate] if view.y_prob is not None]
        for candidate in (models.baseline, k)
    ]
    (value,), (se,) = (found.tolist() for found in pairs.auroc_differences(models.sample.take(rows), both))
    if not np.isfinite(value):
        return undefined_effect(metric.undefined_when)
    if not se > TINY:
        alike = 1.0 if abs(value) < TINY else None
        return Effect(
            Estimate(value, len(rows), reason=NO_VARIANCE), alike, pairs.DELONG if alike else None, NO_TEST
        )
    limits = normal_limits(value, se, (-1.0, 1.0), method=pairs.DELONG)
    return Effect(Estimate(value, len(rows), se, limits), float(2 * ndtr(-abs(value) / se)), pairs.DELONG)


def _ranking(models: Models, metric: Metric, k: int, plan: Plan, stream: str) -> Effect:
    sample = models.sample

    def difference(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        both = [
            np.mean([metric.score(sample.y_true, view.y_prob, weights) for view in models.views[c]], axis=0)
            for c in (models.baseline, k)
        ]
        return np.asarray(both[1] - both[0], dtype=np.float64)[:, None]

    value = float(difference(np.ones((len(sample), 1)))[0, 0])
    if not np.isfinite(value):
        return undefined_effect(metric.undefined_when)
    replicates, accelerations = bootstrap_weights(
        sample, difference, plan.at_most(WEIGHTED), stream=f"{stream} bootstrap {metric.name}"
    )
    n, n_units = len(sample), sample.n_units
    estimate = paired_estimate(value, replicates[0], accelerations[0], n=n, n_units=n_units)
    return Effect(estimate, reason=NO_TEST)
