"""Abstention: a confidence threshold fitted on other images, coverage and selective risk of each group."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.errors import UsageError
from dermbench.evaluation.core.groups import everyone
from dermbench.evaluation.core.metric import Metric
from dermbench.evaluation.intervals.estimate import Estimate, undefined
from dermbench.evaluation.intervals.proportions import share_estimate
from dermbench.evaluation.metrics.counts import ratio
from dermbench.evaluation.metrics.ranking import running

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Weighted
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Interval


@dataclass(frozen=True)
class Threshold:
    """A confidence below which the model abstains; made by :func:`fit_threshold` only.

    Attributes
    ----------
    value
        Smallest confidence that is answered.
    coverage
        Share of the images it was fitted on that it answers.
    split
        Name of the split it was fitted on.
    digest
        Content hash of that split's truth and probabilities.
    """

    value: float
    coverage: float
    split: str
    digest: str


@dataclass(frozen=True)
class Abstention:
    """What a threshold does to one group: share answered, and error rate among the answered."""

    coverage: Interval
    selective_risk: Interval


def fit_threshold(sample: Sample, *, coverage: float, split: str) -> Threshold:
    """Fit a threshold that answers at least ``coverage`` of the images of a validation split.

    Parameters
    ----------
    sample
        Validation images, never those that are scored.
    coverage
        Share of images to answer, above 0 and at most 1.
    split
        Name of the validation split.
    """
    if not 0 < coverage <= 1:
        raise UsageError(f"coverage {coverage} is not above 0 and at most 1")
    confidence = np.sort(_confidence(sample))[::-1]
    value = float(confidence[int(np.ceil(coverage * len(confidence) - 1e-9)) - 1])
    return Threshold(value, float(np.mean(confidence >= value)), split, _digest(sample))


def abstention(
    sample: Sample, threshold: Threshold, grouping: Grouping | None = None, *, split: str
) -> dict[str | None, Abstention]:
    """Return coverage and selective risk at one threshold, overall (key None) and of each group.

    Parameters
    ----------
    sample
        The images that are scored.
    threshold
        Fitted on another split.
    grouping
        Sensitive feature.
    split
        Name of the split that is scored.

    Raises
    ------
    UsageError
        When the threshold was fitted on this split or on these very predictions.
    """
    if threshold.split == split or threshold.digest == _digest(sample):
        raise UsageError(
            f"the threshold was fitted on split {threshold.split!r}, the one that is scored",
            remedy="Fit it on the predictions for the validation split.",
        )
    answered = _confidence(sample) >= threshold.value
    found: dict[str | None, Abstention] = {None: _one(sample, answered, everyone(len(sample)).codes == 0)}
    if grouping is None:
        return found
    groups = grouping.with_unknown()
    return found | {name: _one(sample, answered, groups.codes == g) for g, name in enumerate(groups.names)}


def _one(sample: Sample, answered: NDArray[np.bool_], inside: NDArray[np.bool_]) -> Abstention:
    kept = inside & answered
    return Abstention(
        coverage=share(sample, answered, inside).interval(),
        selective_risk=share(sample, ~sample.hit, kept, reason="no image is answered").interval(),
    )


def share(
    sample: Sample, success: NDArray[np.bool_], rows: NDArray[np.bool_], *, reason: str = "there is no image"
) -> Estimate:
    """Return the share of ``rows`` with success as an estimate, clustered where images share units."""
    n = int(rows.sum())
    if n == 0:
        return undefined(reason, 0)
    value = float(success[rows].mean())
    if not sample.clustered:
        return share_estimate(value, n)
    successes = np.bincount(sample.units[rows], weights=success[rows], minlength=sample.n_units)
    trials = np.bincount(sample.units[rows], minlength=sample.n_units)
    return share_estimate(value, n, (successes.astype(np.float64), trials.astype(np.float64)))


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
    """Return the area under the risk-coverage curve, averaged over the orders of images with equal confidence.

    The mean over k = 1..n of the error rate among the k most confident images. Within a tie the error rate has
    its expectation over all orders.

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
        Shape (n_resamples,); NaN where there is no image.

    References
    ----------
    Geifman & El-Yaniv (2017), NeurIPS.
    """
    values: NDArray[np.float64] = _prepare_aurc(y_true, y_prob)(weights)[:, 0]
    return values


def _prepare_aurc(y_true: NDArray[np.intp], y_prob: NDArray[np.float64], _curves: object = None) -> Weighted:
    """Order the images once for any number of weights."""
    confidence = y_prob.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    starts = np.flatnonzero(np.diff(confidence[order], prepend=np.inf))
    wrong = (y_prob.argmax(axis=1) != y_true)[order, None]
    tied = len(starts) < len(order)

    def area(weights: NDArray[Any]) -> NDArray[np.float64]:
        size = weights[order].astype(np.float64)
        errors = np.where(wrong, size, 0.0)
        if tied:
            size, errors = (np.add.reduceat(part, starts, axis=0) for part in (size, errors))
        until, errors_until = running(size), running(errors)
        n = weights.sum(axis=0, dtype=np.float64)
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, int(n.max(initial=0)) + 1))])
        step = harmonic[until.astype(np.intp)]
        step[1:] -= step[:-1].copy()
        rate = np.divide(errors, size, out=np.zeros_like(errors), where=size > 0)
        total = (errors + (errors_until - errors - rate * (until - size)) * step).sum(axis=0)
        return ratio(total, n)[:, None]

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
"""Goes through :func:`.every_metric.intervals` and ``disparities`` like any metric."""
