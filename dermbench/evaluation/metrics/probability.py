"""Metrics that are means over images of a function of the probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.metric import METRICS, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPSILON = float(np.finfo(np.float64).eps)
"""Smallest probability in the log loss, as in scikit-learn for float64; smaller ones are raised to it."""
TOP = 3


def _of_truth(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    return y_prob[np.arange(len(y_true)), y_true]


def log_loss(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return minus the natural logarithm of the probability of the true class, at most -log(EPSILON) = 36.04."""
    loss: NDArray[np.float64] = -np.log(np.clip(_of_truth(y_true, y_prob), EPSILON, 1.0))
    return loss + 0.0  # so that certainty is 0.0 and not -0.0


def brier(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over classes of (probability - indicator of the true class)², from 0 to 2."""
    of_truth = _of_truth(y_true, y_prob)
    others = np.maximum(np.square(y_prob).sum(axis=1) - of_truth**2, 0.0)
    distance: NDArray[np.float64] = others + np.square(1.0 - of_truth)
    return distance


def top3_accuracy(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance that the true class is among the three most probable ones, with ties in random order.

    The value does not depend on the order of the classes. It is 1 or 0 unless the true class is tied for the third
    place. NaN with three classes or fewer, because it would always be 1.
    """
    n_classes = y_prob.shape[1]
    if n_classes <= TOP:
        return np.full(len(y_true), np.nan)
    mine = _of_truth(y_true, y_prob)[:, None]
    ahead, tied = (y_prob > mine).sum(axis=1), (y_prob == mine).sum(axis=1)
    return np.asarray(np.clip((TOP - ahead) / tied, 0.0, 1.0), dtype=np.float64)


for _metric in (
    Metric(
        "log_loss",
        "log loss",
        "mean",
        log_loss,
        needs_probabilities=True,
        higher_is_better=False,
        bounds=(0.0, -float(np.log(EPSILON))),
        tested=False,
        source="natural logarithm; Good 1952",
    ),
    Metric(
        "brier",
        "Brier score",
        "mean",
        brier,
        needs_probabilities=True,
        higher_is_better=False,
        bounds=(0.0, 2.0),
        source="Brier 1950, summed over classes (for two classes twice the one-class form)",
    ),
    Metric(
        "top3_accuracy",
        "top-3 accuracy",
        "mean",
        top3_accuracy,
        needs_probabilities=True,
        proportion=True,
        undefined_when="there are at most three classes, so that it would always be 1",
        version=2,
        source="true class among the three most probable, ties averaged over",
    ),
):
    METRICS.add(_metric.name, _metric)
