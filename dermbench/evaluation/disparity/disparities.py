"""The disparities of one sensitive feature: every metric, from the same permutations of its groups."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.groups import group_tally
from dermbench.evaluation.core.metric import weighted
from dermbench.evaluation.core.sample import ELIGIBLE, NEEDS_PROBABILITIES, eligible_classes
from dermbench.evaluation.core.scoring import cut_classes
from dermbench.evaluation.disparity.disparity import SMALL_GROUP, Comparison, Disparity, describe
from dermbench.evaluation.disparity.testing import Null
from dermbench.evaluation.intervals.every_metric import estimate
from dermbench.evaluation.resampling.design import Problem
from dermbench.evaluation.resampling.permutation import FEWEST, permuted_tallies, permuted_weights
from dermbench.evaluation.resampling.plan import N_RESAMPLES, Plan
from dermbench.evaluation.resampling.strata import Elements, elements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Estimate
    from dermbench.evaluation.resampling.design import Estimates
    from dermbench.evaluation.resampling.replicates import Columns

    Values = Callable[[], NDArray[np.float64]]

MIN_CLASSES = 2
ONE_PASS = 20_000
"""Images up to which metrics of counts and means share one pass of permuted rows."""
MIXED = 0.1
"""Share of images in units of several groups above which the detectable difference is not estimable."""
RANKING_WORK = 3e8
"""Images x classes x groups x permutations that a ranking metric is permuted for."""


def disparities(
    sample: Sample,
    grouping: Grouping,
    metrics: Sequence[Metric],
    *,
    estimates: Mapping[tuple[str | None, str], Estimate] | None = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    workers: int = 1,
) -> dict[str, Disparity]:
    """Compare every metric between the known groups of a feature.

    Macro metrics are averaged over the classes with 10 true cases in every group, whatever the model. A metric
    that is undefined in one group has no disparity.

    Parameters
    ----------
    sample, grouping
        The data. Images of unknown groups are left out.
    metrics
        What to compare.
    estimates
        What :func:`.every_metric.estimates` gave for this feature, to save the second
        bootstrap; macro metrics are estimated again over the eligible classes.
    seed, n_resamples, workers
        See :class:`~dermbench.evaluation.resampling.plan.Plan`.

    Returns
    -------
    dict
        {metric name: disparity}.
    """
    known = grouping.known()
    rows = known.codes >= 0
    plan = Plan(seed, n_resamples, workers)
    if len(known.names) < 2:
        alone = {"reason": f"fewer than two known groups of {grouping.feature}"}
        return {metric.name: Disparity(reasons=alone) for metric in metrics}
    part = sample.take(rows)
    groups = known.at(rows)
    support = group_tally(part, groups).support
    problem = Problem(part, groups, plan, eligible_classes(support))
    found: dict[str, Disparity] = {}
    open_metrics = []
    for metric in metrics:
        reason = _not_estimable(metric, part, groups, support)
        if reason is None:
            open_metrics.append(metric)
        else:
            found[metric.name] = Disparity(reasons={"reason": reason})
    made = _estimate(problem, open_metrics, estimates or {})
    found |= _compare(problem, open_metrics, made, _scores(grouping))
    return {metric.name: found[metric.name] for metric in metrics}


def _scores(grouping: Grouping) -> NDArray[np.float64] | None:
    """Return the positions of the groups that occur on the ordered scale of all named groups."""
    return np.unique(grouping.codes[grouping.codes >= 0]).astype(np.float64) if grouping.ordered else None


def _not_estimable(metric: Metric, sample: Sample, groups: Grouping, support: NDArray[np.float64]) -> str | None:
    if metric.needs_probabilities and sample.y_prob is None:
        return NEEDS_PROBABILITIES
    enough = support >= ELIGIBLE
    shared = int(enough.all(axis=0).sum())
    if not metric.macro or shared >= MIN_CLASSES:
        return None
    fewest = int(enough.sum(axis=1).argmin())
    return (
        f"not estimable: {shared} classes have at least {ELIGIBLE} true cases in every group "
        f"(in {groups.names[fewest]} {int(enough[fewest].sum())} do), needed are {MIN_CLASSES}"
    )


def _estimate(
    problem: Problem, metrics: Sequence[Metric], done: Mapping[tuple[str | None, str], Estimate]
) -> Estimates:
    """Estimate what is compared, or take it from what is there."""
    names = problem.grouping.names
    ready = [m for m in metrics if not m.macro and all((name, m.name) in done for name in names)]
    found = {(g, m.name): done[name, m.name] for m in ready for g, name in enumerate(names)}
    return found | estimate(problem, [m for m in metrics if m not in ready])


def _compare(
    problem: Problem, metrics: Sequence[Metric], estimates: Estimates, scores: NDArray[np.float64] | None
) -> dict[str, Disparity]:
    defined, found = [], {}
    for metric in metrics:
        values = _values(problem, estimates, metric)
        lacking = [
            name for name, value in zip(problem.grouping.names, values, strict=True) if not np.isfinite(value)
        ]
        if lacking:
            reason = f"undefined in {', '.join(lacking)}: {metric.undefined_when}"
            shown = {
                n: float(v) if np.isfinite(v) else None
                for n, v in zip(problem.grouping.names, values, strict=True)
            }
            found[metric.name] = Disparity(values=shown, reasons={"reason": reason})
        else:
            defined.append(metric)
    parts = elements(problem.sample, problem.grouping.codes)
    nulls = permuted_values(problem, parts, defined)
    sizes = [len(rows) for rows in problem.rows]
    made: dict[Metric, Disparity] = {}
    for metric in defined:
        kind = replace(metric, name="", title="", source="") if metric.kind == "counts" else metric
        if kind in made:  # micro-F1 is accuracy
            found[metric.name] = made[kind]
            continue
        comparison = Comparison(
            metric,
            problem.grouping.names,
            [estimates[g, metric.name] for g in range(problem.n_groups)],
            Null(_values(problem, estimates, metric), nulls[metric.name](), scores),
            problem.n_units,
            problem.classes if metric.macro else None,
            problem.sample.n_classes,
            mixed=parts.mixed_share > MIXED,
            ranked=not (problem.grouping.intersection and min(sizes) < SMALL_GROUP),
            notes=_notes(parts),
        )
        found[metric.name] = made[kind] = describe(comparison)
    return found


def _values(problem: Problem, estimates: Estimates, metric: Metric) -> NDArray[np.float64]:
    return np.array([estimates[g, metric.name].value for g in range(problem.n_groups)])


def _notes(parts: Elements) -> tuple[str, ...]:
    notes = []
    if parts.n_mixed:
        notes.append(
            f"{parts.n_mixed} units have images of several groups; these images exchange groups only within "
            "their unit and class"
        )
    if parts.movable < 0.5:
        notes.append(f"only {parts.movable:.0%} of the images can change groups, so the tests have little power")
    return tuple(notes)


def permuted_values(problem: Problem, parts: Elements, metrics: Sequence[Metric]) -> dict[str, Values]:
    """Return what gives the values of all groups under permutation, {metric: (n_permutations, n_groups)}."""
    counts = [m for m in metrics if m.kind == "counts"]
    means = [m for m in metrics if m.kind == "mean"]
    found: dict[str, Values] = {}
    if len(problem.sample) <= ONE_PASS:
        found |= _permuted_sums(problem, parts, counts, means)
    else:
        found |= _permuted_sums(problem, parts, counts, []) | _permuted_sums(problem, parts, [], means)
    for macro in (False, True):
        found |= _permuted_rankings(
            problem, parts, [m for m in metrics if m.kind == "ranking" and m.macro == macro]
        )
    return found


def _permuted_sums(
    problem: Problem, parts: Elements, counts: Sequence[Metric], means: Sequence[Metric]
) -> dict[str, Values]:
    """Permute once for metrics of counts and means."""
    if not (counts or means):
        return {}
    sample = problem.sample
    values = [np.asarray(m.score(sample.y_true, sample.y_prob), dtype=np.float64) for m in means]
    table = permuted_tallies(
        sample,
        parts,
        problem.n_groups,
        lambda tally: problem.scores(counts, tally),
        problem.plan,
        stream=f"permute {problem.grouping.feature}",
        steps=any(m.needs_order for m in counts),
        values=np.stack(values) if values else None,
    )
    return {m.name: partial(_of_metric, table, i) for i, m in enumerate([*counts, *means])}


def _of_metric(table: Columns, index: int) -> NDArray[np.float64]:
    """Return the values of one metric, shape (n_permutations, n_groups)."""
    return np.stack([table.at(group, index) for group in range(table.shape[0])]).T


def _permuted_rankings(problem: Problem, parts: Elements, metrics: Sequence[Metric]) -> dict[str, Values]:
    """Permute once for ranking metrics that are all macro averages, or none is."""
    if not metrics:
        return {}
    assert problem.sample.y_prob is not None
    classes = problem.classes if metrics[0].macro else None
    y_true, y_prob = cut_classes(problem.sample.y_true, problem.sample.y_prob, classes)
    affordable = int(RANKING_WORK / max(1, y_prob.size * problem.n_groups))
    plan = problem.plan.at_most(max(affordable, FEWEST // 2))
    table = permuted_weights(parts, problem.n_groups, weighted(metrics, y_true, y_prob), plan)
    return {m.name: partial(_of_metric, table, i) for i, m in enumerate(metrics)}
