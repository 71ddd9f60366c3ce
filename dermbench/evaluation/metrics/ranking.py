"""Metrics of how the probabilities order the images: sort once a class, then weighted cumulative sums.

Both average over the classes that have images inside and outside of them; a class of all images or of none
ranks nothing. Images with equal probability count as one step, so their order never matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.metric import METRICS, Metric
from dermbench.evaluation.metrics.counts import ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Curve = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

BLOCK = 1 << 22
"""Weights held at once: columns of the weight matrix are worked on in blocks of about this many cells."""


def auroc_ovr(
    y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the one-vs-rest area under the ROC curve, averaged over classes.

    Parameters
    ----------
    y_true
        Class indices, shape (n_samples,); -1 for an image of none of the classes.
    y_prob
        Probabilities, shape (n_samples, n_classes).
    weights
        Non-negative weights, shape (n_samples, n_resamples).

    Returns
    -------
    numpy.ndarray
        Shape (n_resamples,); NaN where no class has images inside and outside of it.
    """
    return _macro(_area_roc, y_true, y_prob, weights)


def average_precision(
    y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the one-vs-rest average precision, averaged over classes; shapes as for :func:`auroc_ovr`.

    The sum over thresholds of the recall gained there times the precision there, without interpolation.
    """
    return _macro(_average_precision, y_true, y_prob, weights)


def per_class(
    curve: Curve, y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the value of each class, shape (n_classes, n_resamples), NaN where it ranks nothing."""
    n_samples, n_classes = y_prob.shape
    values = np.full((n_classes, weights.shape[1]), np.nan)
    step = max(1, BLOCK // max(1, n_samples))
    for label in range(n_classes):
        inside = y_true == label
        if not inside.any() or inside.all():
            continue
        order = np.argsort(-y_prob[:, label], kind="stable")
        score = y_prob[order, label]
        starts = np.flatnonzero(np.concatenate(([True], score[1:] != score[:-1])))
        positive = inside[order][:, None]
        for at in range(0, weights.shape[1], step):
            block = weights[order, at : at + step]
            gained = _sums(np.where(positive, block, 0.0), starts)
            values[label, at : at + step] = curve(gained, _sums(block, starts) - gained)
    return values


def _macro(
    curve: Curve, y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    values = per_class(curve, y_true, y_prob, weights)
    there = np.isfinite(values)
    return ratio(np.where(there, values, 0.0).sum(axis=0), there.sum(axis=0).astype(np.float64))


def _sums(block: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Add up the rows of each run of equal scores."""
    if len(starts) == len(block):
        return block
    summed: NDArray[np.float64] = np.add.reduceat(block, starts, axis=0)
    return summed


def _area_roc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area from the weight of positives and negatives at each threshold, highest first, shape (k, n)."""
    found = np.cumsum(positive, axis=0)
    total = found[-1]
    beaten = (negative * (found - positive / 2)).sum(axis=0)
    return ratio(beaten, total * negative.sum(axis=0))


def _average_precision(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.cumsum(positive, axis=0)
    precision = np.nan_to_num(ratio(found, found + np.cumsum(negative, axis=0)))
    value = ratio((positive * precision).sum(axis=0), found[-1])
    return np.where(negative.sum(axis=0) > 0, value, np.nan)


RANKS_NOTHING = "no class has images inside and outside of it"

for _metric in (
    Metric(
        "auroc_ovr",
        "AUROC, one-vs-rest",
        "ranking",
        auroc_ovr,
        needs_probabilities=True,
        macro=True,
        undefined_when=RANKS_NOTHING,
        source="Hanley & McNeil 1982; macro average over classes",
    ),
    Metric(
        "average_precision",
        "Average precision, one-vs-rest",
        "ranking",
        average_precision,
        needs_probabilities=True,
        macro=True,
        undefined_when=RANKS_NOTHING,
        source="step-wise area under precision and recall; macro average over classes",
    ),
):
    METRICS.add(_metric.name, _metric)
