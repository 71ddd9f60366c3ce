"""Changes of gaps: whether the difference between two models varies by group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.comparison import GapChange, Gaps
from dermbench.artifacts.report import Contrast, Undefined
from dermbench.evaluation.disparity.contrasts import observed_gap, score_tests
from dermbench.evaluation.disparity.gap_test import GapTest, critical, p_value
from dermbench.evaluation.disparity.limits import gap_limits
from dermbench.evaluation.paired.families import corrected, families

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.paired.question import Question

NO_IMAGE_SCORES = "the metric is no mean over images: the change of its gap is not tested"
NO_PROBABILITIES = "needs probabilities of both models"

Key = tuple[int, str]


def gap_changes(question: Question, grouping: Grouping) -> dict[str, Gaps | Undefined]:
    """Return the within-class gap of every model, and test whether differences from the baseline vary by group.

    The test of gaps is applied to image scores of the candidate minus those of the baseline. If two models differ
    by the same amount in every group, there is no change, however large that amount is.

    Parameters
    ----------
    question
        The candidates, baseline and metrics.
    grouping
        The groups; images of unknown group are left out.
    """
    able = [metric for metric in question.headline if metric.is_mean]
    sample = question.candidates[0].samples[0]
    scores = {
        (k, metric.name): (metric, difference)
        for metric in able
        for k, difference in _differences(question, metric).items()
    }
    named = {_as_difference(metric, k): values for (k, _), (metric, values) in scores.items()}
    tests = dict(zip(scores, score_tests(sample, grouping, named, question.plan).values(), strict=True))
    changes = _changes(tests, grouping.known().names, declared=question.declared)
    return {
        metric.name: Gaps(
            models={c.name: _gap(c, metric, grouping) for c in question.candidates},
            changes={
                name: changes.get((k, metric.name), Undefined(reason=NO_PROBABILITIES))
                for k, name in question.others.items()
            },
        )
        if metric in able
        else Undefined(reason=NO_IMAGE_SCORES)
        for metric in question.headline
    }


def _differences(question: Question, metric: Metric) -> dict[int, NDArray[np.float64]]:
    """Return {candidate: image scores minus those of the baseline} of the candidates that have scores."""
    scores = {
        k: np.mean([sample.image_scores(metric) for sample in candidate.samples], axis=0)
        for k, candidate in enumerate(question.candidates)
        if _has_scores(candidate, metric)
    }
    base = scores.get(question.baseline)
    return {} if base is None else {k: scores[k] - base for k in question.others if k in scores}


def _as_difference(metric: Metric, k: int) -> Metric:
    """Return a metric with the traits of a score difference: not a proportion, and of either sign."""
    width = metric.bounds[1] - metric.bounds[0]
    return replace(metric, name=f"{k} {metric.name}", proportion=False, bounds=(-width, width))


def _has_scores(candidate: Candidate, metric: Metric) -> bool:
    return candidate.has_probabilities or not metric.needs_probabilities


def _gap(candidate: Candidate, metric: Metric, grouping: Grouping) -> float | None:
    gaps = [observed_gap(sample, grouping, metric) for sample in candidate.samples]
    there = [gap for gap in gaps if gap is not None]
    return float(np.mean(there)) if len(there) == len(gaps) else None


def _changes(
    tests: Mapping[Key, GapTest | str], names: Sequence[str], *, declared: bool
) -> dict[Key, GapChange | Undefined]:
    p_values = {
        key: p_value(float(test.statistics.max(initial=0.0)), test.permuted)
        for key, test in tests.items()
        if isinstance(test, GapTest) and test.untested is None
    }
    p_holm = corrected(p_values, declared=declared)
    size = {key: len(family) for family in families(p_values, declared=declared) for key in family}
    return {
        key: Undefined(reason=test)
        if isinstance(test, str)
        else _change(test, names, p_values.get(key), p_holm.get(key), size.get(key, 1))
        for key, test in tests.items()
    }


def _change(test: GapTest, names: Sequence[str], p: float | None, p_holm: float | None, size: int) -> GapChange:
    """Return the record of a test; ``size`` is the size of its family, for the limits."""
    limits = gap_limits(test, critical(test.permuted, features=size))
    reasons = {} if test.untested is None else dict.fromkeys(("low", "p_value"), test.untested)
    if limits.at_most is None:
        reasons["high"] = limits.no_upper or "no upper limit"
    first, second = test.family.sides[limits.contrast]
    bounded = test.untested is None and np.isfinite([limits.low, limits.high]).all()
    return GapChange(
        value=test.gap,
        low=None if p is None else min(limits.at_least, test.gap),
        high=limits.at_most,
        chance=test.chance,
        p_value=p,
        p_holm=p_holm,
        overlap=test.family.overlap,
        contrast=Contrast(
            first=tuple(names[g] for g in first),
            second=tuple(names[g] for g in second),
            kind="pair" if limits.contrast < test.family.n_pairs else "cut",
            value=float(test.values[limits.contrast]),
            low=limits.low if bounded else None,
            high=limits.high if bounded else None,
        ),
        reasons=reasons,
    )
