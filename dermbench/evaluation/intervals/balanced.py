"""Balanced accuracy: Wilson's interval at the effective n of the average of the classes' recalls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtrit

from dermbench.evaluation.intervals.estimate import Z95, Estimate
from dermbench.evaluation.intervals.proportions import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Units = tuple[NDArray[np.float64], NDArray[np.float64]]

PSEUDO = 4.0
"""Cases at the average recall that are added to each class for the variance of its recall, not for its value."""


def average_recall(
    correct: NDArray[np.float64], support: NDArray[np.float64], units: Units | None = None
) -> Estimate:
    """Return the average recall over the classes with a case, with an interval.

    The variance of the average is Σ p̃(1-p̃)/n / C², where p̃ is each class's recall after four cases at the
    average recall are added: without them a class of three cases, all right or all wrong, would count as known
    exactly. Wilson's interval is taken at the n at which a plain proportion has that variance. Clusters widen
    the variance by a design effect: the jackknife variance over units against that of independent images.

    Parameters
    ----------
    correct, support
        k and n of each class, shape (n_classes,).
    units
        The same of each unit, shape (n_units, n_classes), where images share units.

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
    n_eff = value * (1 - value) / variance if variance > 0 else float(images)
    method, m = "Wilson, effective n of the average recall", None
    if units is not None:
        effect, m = _design_effect(recall, n, units[0][:, there], units[1][:, there])
        n_eff = n_eff / effect
        method = f"{method} of {m:,} units"

    def limits(z: float) -> tuple[float, float, str]:
        if m is not None and m < 2:
            return float("nan"), float("nan"), "no interval: all images are of one independent unit"
        few = 1.0 if m is None else float((z / stdtrit(m - 1, ndtr(z))) ** 2)
        return *wilson(value, n_eff * few, z=z), method

    low, high, _ = limits(Z95)
    return Estimate(value, images, (high - low) / (2 * Z95), limits)


def _design_effect(
    recall: NDArray[np.float64], n: NDArray[np.float64], correct: NDArray[np.float64], support: NDArray[np.float64]
) -> tuple[float, int]:
    """Return the variance of the average recall between units over that of independent images, and the units."""
    m = int((support.sum(axis=1) > 0).sum())
    if m < 2:
        return 1.0, m
    independent = float(np.sum(recall * (1 - recall) / n))
    if independent <= 0:
        sizes = support.sum(axis=1)
        return float(np.sum(sizes**2) / sizes.sum()), m
    rest = np.where(support < n, n - support, n)
    sums = ((correct - recall * support) / rest).sum(axis=1)
    return max(1.0, (m - 1) / m * float(np.sum(sums**2)) / independent), m
