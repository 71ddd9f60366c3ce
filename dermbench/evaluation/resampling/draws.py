"""Drawing with replacement: how often each unit, or each cell of interchangeable units, occurs in a resample.

Up to a few thousand units are drawn one by one, and everything that is resampled shares these draws
(:func:`unit_counts`). Of more units, the counts of cells are drawn from their multinomial law.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.resampling.plan import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW_UNITS = 4_096
"""Units up to which they are drawn one by one, once for everything that is resampled."""
SHARED_SIZE, SHARED_KEPT = 2**19, 64
"""Counts in one block of shared draws (0.5 MB), and blocks that are kept for the next to ask."""


def shared_block(n_units: int) -> int:
    """Return the number of resamples in one block of shared draws."""
    return int(min(1024, max(16, SHARED_SIZE // max(1, n_units))))


@lru_cache(maxsize=SHARED_KEPT)
def unit_counts(seed: int, n_units: int, block: int) -> NDArray[np.uint8]:
    """Return how often each unit occurs in each resample of one block.

    Parameters
    ----------
    seed
        Seed of everything random.
    n_units
        Number of units, at most :data:`FEW_UNITS`.
    block
        Number of the block, of :func:`shared_block` resamples.

    Returns
    -------
    numpy.ndarray
        Shape (n_units, n_resamples); columns add up to ``n_units``. Read only: the next to ask gets the same.
        A unit occurs more than 255 times with a probability below 1e-500.
    """
    size = shared_block(n_units)
    picked = generator(seed, "units", block).integers(0, n_units, (size, n_units), dtype=np.uint16)
    counts = np.empty((size, n_units), dtype=np.uint8)
    for row, units in zip(counts, picked, strict=True):  # one by one, so that counting stays in the cache
        row[:] = np.bincount(units, minlength=n_units)
    shared = np.ascontiguousarray(counts.T)
    shared.flags.writeable = False
    return shared


def cell_counts(units: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Resample units with replacement.

    Parameters
    ----------
    units
        Units in each cell, shape (n_cells,).
    size
        Number of resamples.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        How often each cell occurs, shape (n_cells, size); each column sums to ``units.sum()``.
    """
    n_cells, n = len(units), int(units.sum())
    if n_cells < n:
        return np.ascontiguousarray(rng.multinomial(n, units / n, size).T)
    # of single units, picking each is faster; resample by resample, so that counting stays in the cache
    codes = np.repeat(np.arange(0, n * size, n), n) + rng.integers(0, n, n * size, dtype=np.int32)
    return np.ascontiguousarray(np.bincount(codes, minlength=n * size).reshape(size, n).T)
