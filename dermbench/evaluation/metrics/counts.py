"""Metrics of the true, predicted and correct counts of each class.

Class averages run over the classes that occur in the truth, as scikit-learn's
``labels=<classes in y_true>, zero_division=0``. A class that is predicted but never true lowers the scores of
other classes; it adds no term of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.metric import METRICS, Metric, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide, with NaN where the denominator is 0, and keep the memory layout of the operands."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.asarray(np.divide(numerator, denominator, dtype=np.float64))
    return quotient if np.all(denominator) else np.where(np.equal(denominator, 0), np.nan, quotient)


def present_mean(values: NDArray[np.float64], support: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the last axis where ``support`` is positive; NaN if it is positive nowhere."""
    there = support > 0
    if there.all():
        return np.asarray(
            values.sum(axis=-1) / values.shape[-1] if values.shape[-1] else np.full(values.shape[:-1], np.nan)
        )
    return ratio(np.where(there, values, 0.0).sum(axis=-1), there.sum(axis=-1).astype(np.float64))


def recall(tally: Tally) -> NDArray[np.float64]:
    """Return correct / true for each class, shape (..., n_classes); NaN for a class that is never true."""
    return ratio(tally.correct, tally.support)


def precision(tally: Tally) -> NDArray[np.float64]:
    """Return correct / predicted for each class, shape (..., n_classes); NaN for a class never predicted."""
    return ratio(tally.correct, tally.predicted)


def f1(tally: Tally) -> NDArray[np.float64]:
    """Return 2 correct / (true + predicted) for each class, shape (..., n_classes).

    0 for a class that is true but never predicted; NaN for a class that is never true.
    """
    return tally.f1


def accuracy(tally: Tally) -> NDArray[np.float64]:
    """Return the proportion of correctly predicted images."""
    return ratio(tally.hits, tally.total)


def balanced_accuracy(tally: Tally) -> NDArray[np.float64]:
    """Return the average recall over the classes that occur in the truth."""
    return present_mean(recall(tally), tally.support)


def macro_f1(tally: Tally) -> NDArray[np.float64]:
    """Return the average F1 over the classes that occur in the truth."""
    return present_mean(f1(tally), tally.support)


def weighted_f1(tally: Tally) -> NDArray[np.float64]:
    """Return the average F1 over classes, weighted by the number of true images."""
    return ratio((tally.support * np.nan_to_num(f1(tally))).sum(axis=-1), tally.total)


def _one_class(tally: Tally) -> NDArray[np.bool_]:
    return np.asarray((tally.support > 0).sum(axis=-1) < 2)


def cohen_kappa(tally: Tally) -> NDArray[np.float64]:
    """Return (observed - chance agreement) / (1 - chance agreement).

    Undefined with one class in the truth: the value would be 0 (or 0/0) whatever is predicted.
    """
    total, by_chance = tally.total, tally.by_chance
    value = ratio(total * tally.hits - by_chance, total**2 - by_chance)
    return np.where(_one_class(tally), np.nan, value)


def _weighted_kappa(tally: Tally, observed: NDArray[np.float64] | None, power: int) -> NDArray[np.float64]:
    if observed is None:
        return np.full(tally.support.shape[:-1], np.nan)
    order = np.arange(tally.support.shape[-1])
    cost = np.abs(order[:, None] - order[None, :]).astype(np.float64) ** power
    expected = ((tally.support @ cost) * tally.predicted).sum(axis=-1)
    value = 1 - ratio(tally.total * observed, expected)
    return np.where(_one_class(tally), np.nan, value)


def kappa_linear(tally: Tally) -> NDArray[np.float64]:
    """Return kappa with disagreement counted in steps of the class order."""
    return _weighted_kappa(tally, tally.linear, 1)


def kappa_quadratic(tally: Tally) -> NDArray[np.float64]:
    """Return kappa with disagreement counted in squared steps of the class order."""
    return _weighted_kappa(tally, tally.quadratic, 2)


def mcc(tally: Tally) -> NDArray[np.float64]:
    """Return the multiclass Matthews correlation R_K of true and predicted class."""
    square = tally.total**2
    covariance = tally.total * tally.hits - tally.by_chance
    spread_true = square - (tally.support**2).sum(axis=-1)
    spread_pred = square - (tally.predicted**2).sum(axis=-1)
    return ratio(covariance, np.sqrt(np.maximum(spread_true, 0)) * np.sqrt(np.maximum(spread_pred, 0)))


def sensitivity(tally: Tally) -> NDArray[np.float64]:
    """Return the recall of class 1 (positive) of two classes."""
    return ratio(tally.correct[..., 1], tally.support[..., 1])


def specificity(tally: Tally) -> NDArray[np.float64]:
    """Return the recall of class 0 (not positive) of two classes."""
    return ratio(tally.correct[..., 0], tally.support[..., 0])


def hit(y_true: NDArray[np.intp], y_pred: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return 1 for each correctly predicted image, else 0."""
    return np.asarray(y_true == y_pred, dtype=np.float64)


def hit_in_class_1(y_true: NDArray[np.intp], y_pred: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return 1 for a recognised image of class 1, 0 for a missed one, NaN for other images."""
    return np.where(y_true == 1, hit(y_true, y_pred), np.nan)


def hit_in_class_0(y_true: NDArray[np.intp], y_pred: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return 1 for a recognised image of class 0, 0 for a missed one, NaN for other images."""
    return np.where(y_true == 0, hit(y_true, y_pred), np.nan)


ONE_CLASS = "the truth has fewer than two classes"

for _metric in (
    Metric(
        "accuracy",
        "accuracy",
        "counts",
        accuracy,
        proportion=True,
        headline=True,
        image_score=hit,
        source="proportion correct",
    ),
    Metric(
        "micro_f1",
        "micro-F1",
        "counts",
        accuracy,
        proportion=True,
        image_score=hit,
        source="equals accuracy, one class an image",
    ),
    Metric(
        "balanced_accuracy",
        "balanced accuracy",
        "counts",
        balanced_accuracy,
        macro=True,
        headline=True,
        source="Brodersen et al. 2010; average recall, not adjusted for chance",
    ),
    Metric(
        "macro_f1",
        "macro-F1",
        "counts",
        macro_f1,
        macro=True,
        headline=True,
        source="average of per-class F1 (Opitz & Burst 2019)",
    ),
    Metric("weighted_f1", "weighted F1", "counts", weighted_f1, source="per-class F1 weighted by support"),
    Metric(
        "cohen_kappa",
        "Cohen's κ",
        "counts",
        cohen_kappa,
        headline=True,
        bounds=(-1.0, 1.0),
        ratio=False,
        undefined_when=ONE_CLASS,
        source="Cohen 1960",
    ),
    Metric(
        "kappa_linear",
        "κ, linear weights",
        "counts",
        kappa_linear,
        bounds=(-1.0, 1.0),
        ratio=False,
        needs_order=True,
        undefined_when=ONE_CLASS,
        source="Cohen 1968",
    ),
    Metric(
        "kappa_quadratic",
        "κ, quadratic weights",
        "counts",
        kappa_quadratic,
        bounds=(-1.0, 1.0),
        ratio=False,
        needs_order=True,
        undefined_when=ONE_CLASS,
        source="Fleiss & Cohen 1973",
    ),
    Metric(
        "mcc",
        "MCC",
        "counts",
        mcc,
        bounds=(-1.0, 1.0),
        ratio=False,
        undefined_when="the truth or the predictions have fewer than two classes",
        source="Gorodkin 2004, R_K",
    ),
    Metric(
        "sensitivity",
        "sensitivity",
        "counts",
        sensitivity,
        proportion=True,
        image_score=hit_in_class_1,
        trials=lambda tally: tally.support[..., 1],
        view="positive",
        undefined_when="there is no positive image",
        source="positive classes against the rest, of the predicted class",
    ),
    Metric(
        "specificity",
        "specificity",
        "counts",
        specificity,
        proportion=True,
        image_score=hit_in_class_0,
        trials=lambda tally: tally.support[..., 0],
        view="positive",
        undefined_when="every image is positive",
        source="positive classes against the rest, of the predicted class",
    ),
):
    METRICS.add(_metric.name, _metric)
