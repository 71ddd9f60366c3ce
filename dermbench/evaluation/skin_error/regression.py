"""The within-class difference between unobserved true types: least squares on their probabilities.

Suppose that, given true type and class, the errors of a label are independent of whether the prediction is right.
Then the mean score of images with the same labels and class is the class intercept plus the type intercepts
weighted by the probabilities of the types. Least squares on these probabilities gives the intercepts of the true
types. With labels without errors, it is the fit of every other gap. A fit to types drawn from these probabilities
would be attenuated, because the draws do not use the scores.

References
----------
Carroll, Ruppert, Stefanski, Crainiceanu (2006), Measurement Error in Nonlinear Models, chapter 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SMALLEST = 1e-7
"""Smallest eigenvalue that is not taken as 0, relative to the largest."""


@dataclass(frozen=True)
class Cells:
    """Images of each pattern of labels and class, and the sum of their scores, in several resamples.

    Attributes
    ----------
    counts, sums
        Number of images, and sum of scores, shape (n_resamples, n_patterns).
    classes
        Indicators of the class of each pattern, shape (n_patterns, n_classes).
    """

    counts: Floats
    sums: Floats
    classes: Floats


def side_differences(cells: Cells, groups: Floats, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
    """Return the within-class difference between two sides in each resample; NaN if it is not estimable.

    Parameters
    ----------
    cells
        Images and scores by pattern.
    groups
        Probability of each group given the pattern, shape (n_resamples or 1, n_groups, n_patterns).
    first, second
        Groups of each side; several groups are weighted by their images.
    """
    weighted = groups * cells.counts[:, None, :]
    n = weighted.sum(axis=2)
    by_class = weighted @ cells.classes
    inverse = 1 / np.maximum(cells.counts @ cells.classes, 1e-9)
    inner = weighted @ groups.transpose(0, 2, 1)
    inner = inner - (by_class * inverse[:, None, :]) @ by_class.transpose(0, 2, 1)
    mean = (cells.sums @ cells.classes) * inverse
    score = (groups @ cells.sums[:, :, None] - by_class @ mean[:, :, None])[:, :, 0]
    solve = np.linalg.pinv(inner, rcond=SMALLEST, hermitian=True)
    row = _share(n, first) - _share(n, second)
    weights = row[:, None, :] @ solve
    away = (weights @ inner)[:, 0] - row
    found = (weights @ score[:, :, None])[:, 0, 0]
    return np.where(np.abs(away).max(axis=1) < 1e-4, found, np.nan)


def _share(n: Floats, side: NDArray[np.intp]) -> Floats:
    """Return the share of each group in the images of a side, 0 for groups outside the side."""
    found = np.zeros_like(n)
    found[:, side] = n[:, side]
    total = found.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0))
