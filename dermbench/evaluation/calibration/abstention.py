"""Abstention: a confidence threshold fitted on validation images, with coverage and selective risk by group."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.artifacts.report import Abstention, Answered, Threshold
from dermbench.errors import UsageError
from dermbench.evaluation.core.metric import Metric
from dermbench.evaluation.intervals.proportions import share
from dermbench.evaluation.metrics.counts import ratio
from dermbench.evaluation.metrics.ranking import rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Weighted
    from dermbench.evaluation.core.sample import Sample

DIGITS = 12
"""Decimals of an area: rounding makes equal areas of resamples compare as equal."""
COVERAGE = 0.8
"""Share of the validation images that are answered at the threshold."""


def abstention(
    sample: Sample, validation: Sample, groupings: Sequence[Grouping] = (), *, split: str, fitted_on: str
) -> Abstention:
    """Return coverage and selective risk at one confidence threshold, fitted on validation images.

    The threshold is the largest confidence at which at least :data:`COVERAGE` of the validation images are
    answered.

    Parameters
    ----------
    sample
        The images to score.
    validation
        Predictions of the same model for another split.
    groupings
        Sensitive features.
    split, fitted_on
        Names of the scored split and of the split for fitting.

    Raises
    ------
    UsageError
        When both are the same split or hold the same predictions.
    """
    digest = _digest(validation)
    if fitted_on == split or digest == _digest(sample):
        raise UsageError(
            f"the threshold would be fitted on split {fitted_on!r}, the one that is scored",
            remedy="Fit it on the predictions for the validation split.",
        )
    confidence = np.sort(_confidence(validation))[::-1]
    value = float(confidence[int(np.ceil(COVERAGE * len(confidence) - 1e-9)) - 1])
    answered = _confidence(sample) >= value

    def group(inside: NDArray[np.bool_]) -> Answered:
        risk = share(sample, ~sample.hit, inside & answered, reason="no image is answered")
        return Answered(coverage=share(sample, answered, inside).cell(), selective_risk=risk.cell())

    shown = {grouping.feature: grouping.with_unknown() for grouping in groupings}
    return Abstention(
        threshold=Threshold(
            value=value, coverage=float(np.mean(confidence >= value)), split=fitted_on, digest=digest
        ),
        overall=group(np.ones(len(sample), dtype=np.bool_)),
        features={
            feature: {name: group(groups.codes == g) for g, name in enumerate(groups.names)}
            for feature, groups in shown.items()
        },
    )


def _confidence(sample: Sample) -> NDArray[np.float64]:
    if sample.y_prob is None:
        raise UsageError("abstention needs probabilities")
    return np.asarray(sample.y_prob.max(axis=1))


def _digest(sample: Sample) -> str:
    assert sample.y_prob is not None
    content = hashlib.sha256(np.ascontiguousarray(sample.y_true, dtype="<i8").tobytes())
    content.update(np.ascontiguousarray(sample.y_prob, dtype="<f8").tobytes())
    return content.hexdigest()


def aurc(
    y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the area under the risk-coverage curve.

    This is the mean over k = 1..n of the error rate among the k most confident images. Ties are averaged over all
    orders of the tied images.

    Parameters
    ----------
    y_true
        Class indices, shape (n_samples,).
    y_prob
        Probabilities, shape (n_samples, n_classes).
    weights
        Whole numbers: how often each image occurs, shape (n_samples, n_resamples).

    Returns
    -------
    numpy.ndarray
        Shape (n_resamples,); NaN without an image.

    References
    ----------
    Geifman & El-Yaniv (2017), NeurIPS.
    """
    values: NDArray[np.float64] = _prepare_aurc(y_true, y_prob)(weights)[:, 0]
    return values


def _prepare_aurc(y_true: NDArray[np.intp], y_prob: NDArray[np.float64], _curves: object = None) -> Weighted:
    """Rank the images once for any number of weights.

    An error at rank k adds 1/m to each error rate for m = k..n, in total H(n) - H(k - 1) with harmonic numbers H.
    So the ranks of the errors are enough; a step of ties needs the sum of H over its ranks.
    """
    wrong = y_prob.argmax(axis=1) != y_true
    ranking = rank(wrong, y_prob.max(axis=1)) if wrong.any() else None

    def area(weights: NDArray[Any]) -> NDArray[np.float64]:
        n = weights.sum(axis=0, dtype=np.float64)
        if ranking is None:
            return ratio(np.zeros_like(n), n)[:, None]
        steps = ranking.steps(weights)
        errors = steps.positive.astype(np.float64)
        size = errors if steps.tied is None else errors + steps.tied
        until = steps.found + steps.above[:-1].astype(np.float64)
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, int(n.max(initial=0)) + 1))])
        before = np.concatenate([[0.0], np.cumsum(harmonic[:-1])])
        lost = before[until.astype(np.intp)] - before[(until - size).astype(np.intp)]
        if steps.tied is not None:
            lost *= np.divide(errors, size, out=np.zeros_like(errors), where=size > 0)
        total = errors.sum(axis=0) * harmonic[n.astype(np.intp)] - lost.sum(axis=0)
        return np.round(ratio(total, n), DIGITS)[:, None]

    return area


AURC = Metric(
    "aurc",
    "Area under the risk-coverage curve",
    "ranking",
    aurc,
    needs_probabilities=True,
    higher_is_better=False,
    source="Geifman & El-Yaniv 2017; ties averaged",
    prepare=_prepare_aurc,
)
"""The area as a metric, so that the usual code gives its intervals."""
