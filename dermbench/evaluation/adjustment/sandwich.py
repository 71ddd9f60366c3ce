"""Robust variance of a logistic regression whose images belong to units (patients, lesions)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALONE = 1e-8
"""Share below which a residual is free to vary: a unit that alone determines a parameter leaves none."""


def unit_scores(
    design: NDArray[np.float64],
    residual: NDArray[np.float64],
    weight: NDArray[np.float64],
    inverse: NDArray[np.float64],
    unit: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the score of each unit, its residuals corrected for how far the unit pulls the fit to itself.

    With ``inverse`` on either side, the sum of their outer products is the bias-reduced sandwich variance of a
    logistic GEE with independence as working correlation. statsmodels, which loops over units, gives the same, but
    fails where a unit alone determines a parameter.

    Parameters
    ----------
    design
        Shape (n_samples, n_parameters).
    residual, weight
        Outcome minus fitted probability p, and p (1 - p), shape (n_samples,).
    inverse
        Inverse of the information ``design' weight design``, shape (n_parameters, n_parameters).
    unit
        Unit of each image, 0, 1, ... without gaps, shape (n_samples,).

    Returns
    -------
    numpy.ndarray
        Shape (n_units, n_parameters).

    References
    ----------
    Mancl, DeRouen (2001), Biometrics 57, 126-134.
    """
    sizes = np.bincount(unit)
    order = np.argsort(unit, kind="stable")
    start = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found = np.empty((len(sizes), design.shape[1]))
    for size in np.unique(sizes):
        which = np.flatnonzero(sizes == size)
        rows = order[start[which][:, None] + np.arange(size)]
        part, root = design[rows], np.sqrt(weight[rows])[:, :, None]
        pull = root * (part @ inverse @ part.transpose(0, 2, 1)) * root.transpose(0, 2, 1)
        free = np.linalg.pinv(np.eye(size) - pull, rcond=ALONE, hermitian=True)
        found[which] = (part * root * (free @ (residual[rows][:, :, None] / root))).sum(axis=1)
    return found
