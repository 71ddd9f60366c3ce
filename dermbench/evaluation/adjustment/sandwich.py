"""Robust variance of a logistic regression whose images belong to units (patients, lesions)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUTOFF = 1e-8
"""Relative cutoff of the pseudo-inverse: a unit that alone determines a parameter has leverage 1."""


def unit_scores(
    design: NDArray[np.float64],
    residual: NDArray[np.float64],
    weight: NDArray[np.float64],
    inverse: NDArray[np.float64],
    unit: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the score of each unit, with residuals corrected for the leverage of the unit.

    The sum of their outer products, multiplied by ``inverse`` from both sides, is the bias-reduced sandwich
    variance of a logistic GEE with independence as working correlation. statsmodels gives the same values with a
    loop over units, but fails if a unit alone determines a parameter.

    Parameters
    ----------
    design
        Shape (n_samples, n_parameters).
    residual, weight
        Outcome minus fitted probability p, and p (1 - p), shape (n_samples,).
    inverse
        Inverse of the information ``design' weight design``, shape (n_parameters, n_parameters).
    unit
        Unit of each image, numbered 0, 1, ... without gaps, shape (n_samples,).

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
        leverage = root * (part @ inverse @ part.transpose(0, 2, 1)) * root.transpose(0, 2, 1)
        correction = np.linalg.pinv(np.eye(size) - leverage, rcond=CUTOFF, hermitian=True)
        found[which] = (part * root * (correction @ (residual[rows][:, :, None] / root))).sum(axis=1)
    return found
