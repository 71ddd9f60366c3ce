"""Cohen's kappa with its large-sample standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def kappa_se(a: NDArray[np.intp], b: NDArray[np.intp], n_classes: int) -> tuple[float, float, int]:
    """Return unweighted kappa, its standard error and the number of images.

    Parameters
    ----------
    a, b
        Two codings of the same images, shape (n_samples,).
    n_classes
        Size of the class set.

    Returns
    -------
    kappa, se, n
        NaN twice where chance agreement is complete (one class in both codings) or there is no image.

    References
    ----------
    Fleiss, Cohen, Everitt (1969), Psychological Bulletin 72, 323-327.
    """
    n = len(a)
    if n == 0:
        return float("nan"), float("nan"), 0
    p = np.bincount(a * n_classes + b, minlength=n_classes**2).reshape(n_classes, n_classes) / n
    row, column = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float(np.trace(p)), float(row @ column)
    if chance >= 1:
        return float("nan"), float("nan"), n
    kappa = (observed - chance) / (1 - chance)
    diagonal = np.sum(np.diag(p) * (1 - (row + column) * (1 - kappa)) ** 2)
    cross = p * (column[:, None] + row[None, :]) ** 2
    off = (1 - kappa) ** 2 * (cross.sum() - np.trace(cross))
    variance = (diagonal + off - (kappa - chance * (1 - kappa)) ** 2) / ((1 - chance) ** 2 * n)
    return kappa, float(np.sqrt(max(variance, 0.0))), n
