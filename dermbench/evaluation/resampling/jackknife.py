"""The jackknife: values without each unit in turn, and the acceleration constant from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dermbench.evaluation.resampling.resample import Cells

BLOCK = 1024


def acceleration(left_out: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Return the acceleration constant from leave-one-unit-out values.

    Parameters
    ----------
    left_out
        Value without one unit of each cell, shape (n_cells,).
    counts
        Number of units in each cell; all units of a cell have the same value.

    Returns
    -------
    float
        Σd³ / 6(Σd²)^1.5 over units, with d the mean minus the value; NaN if all values are equal or one is NaN.
    """
    deviation = np.average(left_out, weights=counts) - left_out
    spread = float(np.sum(counts * deviation**2))
    if not spread > 0:  # also NaN
        return float("nan")
    return float(np.sum(counts * deviation**3) / (6 * spread**1.5))


def jackknife(
    cells: Cells, slots: NDArray[np.intp], score: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Compute values without one unit of each cell that contributes to them.

    Parameters
    ----------
    cells
        Cells or units of the sample.
    slots
        Slots that the value depends on.
    score
        Function from sums of shape (len(slots), k) to values of shape (k, ...).

    Returns
    -------
    left_out, counts
        Values without one unit, and number of such units, for each cell that contributes to a slot.
    """
    part = cells.matrix[slots].tocsc()
    touched = np.flatnonzero(np.diff(part.indptr))
    base = np.asarray(part @ cells.counts, dtype=np.float64)[:, None]
    values = [
        score(base - part[:, touched[start : start + BLOCK]].toarray()) for start in range(0, len(touched), BLOCK)
    ]
    return np.concatenate(values) if values else np.zeros(0), cells.counts[touched]
