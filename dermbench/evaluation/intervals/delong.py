"""The area under the ROC curve with DeLong's variance, for any number of classes and for clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from dermbench.evaluation.intervals.estimate import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.intervals.estimate import Limits


def auroc_influence(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the area under the ROC curve and the influence of each image on it.

    One sort gives all placements; ties count half. The sum of squared influences is DeLong's variance. Sums of
    products of the influences of two models are DeLong's covariance. Influences summed within units give the
    variance for clusters.

    Parameters
    ----------
    positive
        Whether each image is positive, shape (n_samples,).
    score
        Score of each image, higher if more likely positive, shape (n_samples,).

    Returns
    -------
    area, influence
        Both are NaN if all images are positive or none is; ``influence`` has shape (n_samples,).

    References
    ----------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44, 837-845; Sun & Xu (2014), IEEE SPL 21, 1389-1393;
    Obuchowski (1997), Biometrics 53, 567-578.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if m == 0 or n == 0:
        return float("nan"), np.full(len(positive), np.nan)
    order = np.argsort(score)
    ordered, inside = score[order], positive[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    size = np.diff(np.append(starts, len(order)))
    hits = np.add.reduceat(inside.astype(np.float64), starts)
    below = np.cumsum(hits) - hits / 2, np.cumsum(size - hits) - (size - hits) / 2
    placement = np.empty(len(positive))
    placement[order] = np.where(inside, np.repeat(below[1] / n, size), 1 - np.repeat(below[0] / m, size))
    area = float(placement[positive].mean())
    of_kind = np.where(positive, m, n)
    return area, (placement - area) / np.sqrt(of_kind * np.maximum(of_kind - 1.0, 1.0))


def ovr_influence(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the one-vs-rest AUROC, averaged over the classes with images inside and outside of the class.

    Parameters
    ----------
    y_true
        Class indices, -1 for an image of none of the classes, shape (n_samples,).
    y_prob
        Probabilities, shape (n_samples, n_classes).

    Returns
    -------
    area, influence
        As :func:`auroc_influence`.
    """
    areas, total = [], np.zeros(len(y_true))
    for label in range(y_prob.shape[1]):
        inside = y_true == label
        if 0 < inside.sum() < len(inside):
            area, influence = auroc_influence(inside, y_prob[:, label])
            areas.append(area)
            total += influence
    if not areas:
        return float("nan"), np.full(len(y_true), np.nan)
    return float(np.mean(areas)), total / len(areas)


def covariance(influences: NDArray[np.float64], unit: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
    """Return the covariance of the areas of several models.

    Parameters
    ----------
    influences
        Influence of each image on each area, shape (n_models, n_samples).
    unit
        Unit of each image, numbered 0, 1, ...; None for independent images.

    Returns
    -------
    numpy.ndarray
        Shape (n_models, n_models); NaN for fewer than two units.
    """
    if unit is None:
        independent: NDArray[np.float64] = influences @ influences.T
        return independent
    sums = np.stack([np.bincount(unit, weights=row) for row in influences])
    m = len(np.unique(unit))
    if m < 2:
        return np.full((len(sums), len(sums)), np.nan)
    return np.asarray(sums @ sums.T, dtype=np.float64) * (m / (m - 1))


def area_estimate(
    y_true: NDArray[np.intp], y_prob: NDArray[np.float64], unit: NDArray[np.intp] | None = None
) -> Estimate:
    """Return the average one-vs-rest AUROC with DeLong's interval on the logit scale.

    Parameters
    ----------
    y_true, y_prob
        As :func:`ovr_influence`.
    unit
        Unit of each image; None for independent images.
    """
    value, influence = ovr_influence(y_true, y_prob)
    inverse = None if unit is None else np.unique(unit, return_inverse=True)[1]
    se = float(np.sqrt(covariance(influence[None, :], inverse)[0, 0]))
    method = "DeLong, logit scale" if unit is None else "DeLong by unit, logit scale"
    return Estimate(value, len(y_true), se, logit_limits(value, se, method=method))


def logit_limits(value: float, se: float, *, method: str) -> Limits:
    """Return limits of an area, symmetric on the logit scale."""

    def limits(z: float) -> tuple[float, float, str]:
        if not (0 < value < 1 and se > 0):
            return float("nan"), float("nan"), "DeLong's variance is 0: the classes are separated perfectly"
        half = z * se / (value * (1 - value))
        low, high = expit(logit(value) + np.array([-half, half]))
        return float(low), float(high), method

    return limits
