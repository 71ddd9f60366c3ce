"""Balanced accuracy: Wilson's interval at the effective n of the average recall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.intervals.proportions import effective_estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.intervals.estimate import Estimate

    Units = tuple[NDArray[np.float64], NDArray[np.float64]]

PSEUDO = 4.0
"""Cases with the average recall added to each class, for the variance of its recall only."""


def average_recall(
    correct: NDArray[np.float64], support: NDArray[np.float64], units: Units | None = None
) -> Estimate:
    """Return the average recall over the classes with a case, with an interval.

    The variance of the average is Σ p̃(1-p̃)/n / C², where p̃ is the recall of a class after four cases with the
    average recall are added. Without them, the recall of a class of three cases, all right or all wrong, would
    count as exact. The interval is Wilson's at the n at which a plain proportion has that variance. Clusters
    multiply the variance by a design effect: the jackknife variance over units, divided by that of independent
    images.

    Parameters
    ----------
    correct, support
        Correct and all images of each class, shape (n_classes,).
    units
        Correct and all images of each unit and class, shape (n_units, n_classes), if images share units.

    References
    ----------
    Yan & Su (2010), Statistics in Biopharmaceutical Research 2, 329-335, for stratified Wilson intervals.
    """
    there = support > 0
    k, n = correct[there], support[there]
    recall = k / n
    value, images = float(recall.mean()), int(n.sum())
    shrunk = (k + PSEUDO * value) / (n + PSEUDO)
    variance = float(np.sum(shrunk * (1 - shrunk) / n)) / len(n) ** 2
    n_eff, m = value * (1 - value) / variance if variance > 0 else float(images), None
    if units is not None:
        n_eff /= design_effect(units[0][:, there], units[1][:, there])
        m = len(units[0])
    return effective_estimate(value, images, n_eff, method="Wilson, effective n of the average recall", n_units=m)


def design_effect(
    correct: NDArray[np.float64], support: NDArray[np.float64], mix: NDArray[np.float64] | float = 1.0
) -> float:
    """Return the design effect of Σ mix · recall, at least 1.

    It is the jackknife variance over units divided by the variance of independent images. If the images of each
    class are all right or all wrong, complete dependence within units is assumed.

    Parameters
    ----------
    correct, support
        Correct and all images of each unit and class, shape (n_units, n_classes).
    mix
        Weight of each class.
    """
    n, m = support.sum(axis=0), len(support)
    recall = correct.sum(axis=0) / n
    independent = float(np.sum(mix**2 * recall * (1 - recall) / n))
    if m < 2 or independent <= 0:
        sizes = support.sum(axis=1)
        return float(np.sum(sizes**2) / sizes.sum())
    rest = np.where(support < n, n - support, n)
    sums = (mix * (correct - recall * support) / rest).sum(axis=1)
    return max(1.0, (m - 1) / m * float(np.sum(sums**2)) / independent)
