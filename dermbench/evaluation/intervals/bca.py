"""Bootstrap intervals: bias-corrected and accelerated (BCa), percentile where BCa is undefined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

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
        Units in each cell; a unit's value stands for all of its cell.

    Returns
    -------
    float
        Σd³ / 6(Σd²)^1.5 over units, d the mean minus the value; NaN when no unit matters or a value is NaN.
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
        Slots that the value is a function of.
    score
        Takes sums of shape (len(slots), k), returns (k, ...).

    Returns
    -------
    left_out, counts
        Values without one unit, and the number of such units, for each cell that touches a slot.
    """
    part = cells.matrix[slots].tocsc()
    touched = np.flatnonzero(np.diff(part.indptr))
    base = np.asarray(part @ cells.counts, dtype=np.float64)[:, None]
    values = [
        score(base - part[:, touched[start : start + BLOCK]].toarray()) for start in range(0, len(touched), BLOCK)
    ]
    return np.concatenate(values) if values else np.zeros(0), cells.counts[touched]


def bca_limits(
    value: float, replicates: NDArray[np.float64], accelerate: float, *, z: float
) -> tuple[float, float, str]:
    """Return the BCa interval, or the percentile interval where BCa is undefined.

    Parameters
    ----------
    value
        The estimate.
    replicates
        Its bootstrap replicates without undefined ones, sorted, shape (n_resamples,).
    accelerate
        From :func:`acceleration`; NaN asks for the percentile interval.
    z
        Normal quantile of the two-sided confidence level.

    Returns
    -------
    low, high, method
        ``method`` is ``"BCa"`` or ``"percentile"``.

    References
    ----------
    Efron (1987), JASA 82, 171-185.
    """
    ends = np.array([-z, z])
    below = (np.searchsorted(replicates, value, "left") + np.searchsorted(replicates, value, "right")) / 2
    share = below / len(replicates)
    method = "percentile"
    if np.isfinite(accelerate) and 0 < share < 1:
        z0 = ndtri(share)
        room = 1 - accelerate * (z0 + ends)
        if (room > 0).all():
            ends, method = z0 + (z0 + ends) / room, "BCa"
    low, high = _quantiles(replicates, ndtr(ends))
    return float(low), float(high), method


def _quantiles(ordered: NDArray[np.float64], level: NDArray[np.float64]) -> NDArray[np.float64]:
    position = np.clip(level * (len(ordered) + 1) - 1, 0, len(ordered) - 1)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
