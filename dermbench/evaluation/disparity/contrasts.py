"""Tests of differences between groups by the largest contrast under permuted group labels.

A contrast is a within-class difference between two groups or two sets of groups. Its statistic is the difference
divided by its standard error. Under the null hypothesis, predictions given the class do not depend on the group;
permuted labels then give the distribution of the largest statistic of a metric, and of a whole feature.

References
----------
Bretz, Hothorn, Westfall (2010), Multiple Comparisons Using R; Westfall & Young (1993), Resampling-Based Multiple
Testing; Chung & Romano (2013), Annals of Statistics 41, 484-507.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.disparity.compared import Compared
from dermbench.evaluation.disparity.gap_test import ROUNDING_NOISE, GapTest, studentised
from dermbench.evaluation.disparity.group_sums import (
    ElementSums,
    Sums,
    class_residuals,
    drawn_sums,
    group_sum,
    permuted_sums,
    prefer_cells,
)
from dermbench.evaluation.disparity.means import MeanTest, mean_tests
from dermbench.evaluation.disparity.values import CountValues, ranking_tests, value_test
from dermbench.evaluation.disparity.within_class import Adjustment, contrasts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan


def gap_tests(
    sample: Sample, grouping: Grouping, metrics: Sequence[Metric], plan: Plan
) -> dict[str, GapTest | str]:
    """Compare every metric between the known groups of a feature.

    Parameters
    ----------
    sample, grouping
        The data. Images of unknown groups are left out.
    metrics
        Metrics of any kind and view.
    plan
        Seed, number of permutations, workers.

    Returns
    -------
    dict
        {metric name: test, or the reason why there is none}.
    """
    if len(grouping.known().names) < 2:
        return {m.name: f"fewer than two known groups of {grouping.feature}" for m in metrics}
    data = Compared.of(sample, grouping, plan)
    reasons = {metric.name: data.reason(metric) for metric in metrics}
    found: dict[str, GapTest | str] = {name: reason for name, reason in reasons.items() if reason is not None}
    able = [metric for metric in metrics if reasons[metric.name] is None]
    means = {m: data.sample.image_scores(m) for m in able if m.is_mean}
    counts = [m for m in able if not m.is_mean and m.kind == "counts"]
    if prefer_cells(data.sample, data.n_groups):
        drawn = {m: scores for m, scores in means.items() if not m.needs_probabilities}
        found |= _from_pass(data, drawn, counts, drawn=True)
        means = {m: scores for m, scores in means.items() if m.needs_probabilities}
        counts = []
    found |= _from_pass(data, means, counts, drawn=False)
    found |= ranking_tests(data, [m for m in able if m.kind == "ranking"])
    return {m.name: found[m.name] for m in metrics}


def score_tests(
    sample: Sample, grouping: Grouping, scores: Mapping[Metric, NDArray[np.float64]], plan: Plan
) -> dict[str, GapTest | str]:
    """Compare scores of the images between the known groups of a feature.

    Parameters
    ----------
    sample, grouping
        The data. Images of unknown groups are left out.
    scores
        {metric: score of each image, NaN without one}. The metrics are means over images; only their traits are
        used.
    plan
        Seed, number of permutations, workers.
    """
    if len(grouping.known().names) < 2:
        return {m.name: f"fewer than two known groups of {grouping.feature}" for m in scores}
    data = Compared.of(sample, grouping, plan)
    if not data.family.n_pairs:
        return {m.name: data.not_comparable(data.family) for m in scores}
    known = grouping.codes >= 0
    return _from_pass(data, {m: values[known] for m, values in scores.items()}, [], drawn=False)


def observed_gap(sample: Sample, grouping: Grouping, metric: Metric) -> float | None:
    """Return the within-class gap of a metric that is a mean over images, without a test.

    None for other metrics, and if no two groups are comparable.
    """
    known = grouping.known()
    rows = known.codes >= 0
    if len(known.names) < 2 or not metric.is_mean or (metric.needs_probabilities and sample.y_prob is None):
        return None
    part, groups = sample.take(rows), known.at(rows)
    residuals = class_residuals(part, groups.codes, len(known.names), part.image_scores(metric)[None])
    adjustment = Adjustment(residuals.counts[0])
    family = contrasts(adjustment, ordered=known.ordered)
    if not family.n_pairs:
        return None
    sums = group_sum(groups.codes, residuals.values[0], len(known.names))
    width = metric.bounds[1] - metric.bounds[0]
    return min(width, float(np.abs(family.rows @ adjustment.effects(sums)).max()))


def _from_pass(
    data: Compared,
    scores: Mapping[Metric, NDArray[np.float64]],
    counts: Sequence[Metric],
    *,
    drawn: bool,
) -> dict[str, GapTest | str]:
    """Permute once for all metrics: means over images, given by their scores, and metrics of counts."""
    if not (scores or counts):
        return {}
    accuracy = METRICS.get("accuracy")  # its variance stands for the variation between units in metrics of counts
    every = scores if not counts else {accuracy: data.sample.hit.astype(np.float64)} | dict(scores)
    distinct = {values.tobytes(): values for values in every.values()}  # micro-F1 is accuracy
    place = {key: index for index, key in enumerate(distinct)}
    at = {metric: place[values.tobytes()] for metric, values in every.items()}
    residuals = class_residuals(data.sample, data.grouping.codes, data.n_groups, np.array(list(distinct.values())))
    names = list(dict.fromkeys(m.view for m in counts))
    views = [(data.sample.view(name), any(m.needs_order for m in counts if m.view == name)) for name in names]
    means = [MeanTest.of(data, metric, residuals, at[metric]) for metric in scores]
    hits = MeanTest.of(data, accuracy, residuals, at[accuracy]) if counts else None
    own = [any(mean.own_variance for mean in means if mean.index == i) for i in range(len(distinct))]
    sums = ElementSums.of(
        data.sample, data.parts, residuals, views, data.n_groups, own=[data.sample.clustered or one for one in own]
    )
    tables = [
        CountValues(data, view, [m for m in counts if m.view == name])
        for name, (view, _) in zip(names, views, strict=True)
    ]
    if drawn:
        assert sums.fixed is not None
        steps = any(steps for _, steps in views)
        stream = f"permute {data.grouping.feature}"
        blocks = drawn_sums(data.sample, data.parts, residuals, sums.fixed, data.plan, stream=stream, steps=steps)
    else:
        blocks = permuted_sums(sums, data.parts, data.plan)
    observed = sums.at(data.placed)
    made = _permuted(blocks, means, tables, hits)
    found = mean_tests(data, means, observed, made.largest, made.gaps)
    spread = None if hits is None else hits.variance(*observed.score(hits.index))
    return found | _count_tests(data, tables, observed, made, spread)


@dataclass(frozen=True)
class _Permuted:
    """Results per permutation: largest statistic and gap of each mean, and values of the metrics of counts."""

    largest: NDArray[np.float64]
    gaps: NDArray[np.float64]
    values: list[NDArray[np.float64]]
    variance: NDArray[np.float64]


def _permuted(
    blocks: Iterable[Sums], means: Sequence[MeanTest], tables: Sequence[CountValues], hits: MeanTest | None
) -> _Permuted:
    largest: list[NDArray[np.float64]] = []
    gaps: list[NDArray[np.float64]] = []
    values: list[list[NDArray[np.float64]]] = [[] for _ in tables]
    variance: list[NDArray[np.float64]] = []
    for sums in blocks:
        size = len(sums.residual)
        top, gap = np.zeros((2, len(means), size))
        for i, mean in enumerate(means):
            value, error = mean.contrasts(*sums.score(mean.index))
            top[i] = studentised(value, error).max(axis=1, initial=0.0)
            gap[i] = np.abs(value[:, : mean.family.n_pairs]).max(axis=1, initial=0.0)
        largest.append(top)
        gaps.append(gap)
        for i, table in enumerate(tables):
            values[i].append(table.at(sums.tallies[i]))
        if hits is not None:
            variance.append(hits.variance(*sums.score(hits.index)))
    return _Permuted(
        np.concatenate(largest, axis=1),
        np.concatenate(gaps, axis=1),
        [np.concatenate(each) for each in values],
        np.concatenate(variance) if variance else np.empty(0),
    )


def _count_tests(
    data: Compared,
    tables: Sequence[CountValues],
    observed: Sums,
    permuted: _Permuted,
    variance: NDArray[np.float64] | None,
) -> dict[str, GapTest | str]:
    found: dict[str, GapTest | str] = {}
    spread = None
    if data.sample.clustered and variance is not None:
        typical = permuted.variance.mean(axis=0)
        varies = typical > ROUNDING_NOISE
        relative = np.concatenate([variance, permuted.variance]) / np.where(varies, typical, np.inf)
        spread = np.where(varies, relative, 1.0)
    for table, tally, drawn in zip(tables, observed.tallies, permuted.values, strict=True):
        values = table.at(tally)[0]
        for i, metric in enumerate(table.metrics):
            found[metric.name] = value_test(data, metric, values[:, i], drawn[:, :, i], spread)
    return found
