"""Drawing with replacement: counts of each unit, or of each cell of interchangeable units, in a resample.

Up to :data:`FEW_UNITS` units are drawn one by one, and all statistics share these draws (:func:`unit_counts`). For
more units, cells are drawn. Their counts in a resample are multinomial, and are drawn exactly in three steps:

* *frequent* cells, and all rare cells as one lump, from the multinomial law itself (one binomial per cell);
* *rare* cells as independent Poisson counts with a slightly smaller mean. Given its total M, such a draw is
  multinomial. Counts come from a table of the Poisson quantile function indexed by the leading bits of a random
  number, so a cell costs a few nanoseconds;
* the rest of the lump, its size minus M, unit by unit. If M exceeds the size of the lump (about once in 1e9
  resamples), all units of the lump are drawn unit by unit.

Probabilities are exact to 2^-32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import pdtr, pdtrik

from dermbench.evaluation.resampling.plan import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

FREQUENT = 255
"""Most units of a rare cell; larger cells are drawn from a binomial law."""
BITS = 12
"""Leading bits of a random number that index the table."""
DENSE = 2.0
"""Fewest units per rare cell, on average, for Poisson draws; with fewer, drawing units is cheaper."""
ENOUGH = 1_000
"""Fewest units in rare cells for Poisson draws."""
MARGIN = 6.0
"""Standard deviations between the expected total of the Poisson draws and the size of the lump."""
WORD = 32
FEW_UNITS = 4_096
"""Most units that are drawn one by one, in draws shared by all statistics."""
SHARED_SIZE, SHARED_KEPT = 2**19, 64
"""Counts in one block of shared draws (0.5 MB), and number of cached blocks."""


def shared_block(n_units: int) -> int:
    """Return the number of resamples in one block of shared draws."""
    return int(min(1024, max(16, SHARED_SIZE // max(1, n_units))))


@lru_cache(maxsize=SHARED_KEPT)
def unit_counts(seed: int, n_units: int, block: int) -> NDArray[np.uint8]:
    """Return how often each unit occurs in each resample of one block.

    Parameters
    ----------
    seed
        Seed of all random numbers.
    n_units
        Number of units, at most :data:`FEW_UNITS`.
    block
        Number of the block, which has :func:`shared_block` resamples.

    Returns
    -------
    numpy.ndarray
        Shape (n_units, n_resamples); columns sum to ``n_units``. Read-only, because the cache returns it again.
        The probability that a unit occurs more than 255 times is below 1e-500.
    """
    size = shared_block(n_units)
    picked = generator(seed, "units", block).integers(0, n_units, (size, n_units), dtype=np.uint16)
    counts = np.empty((size, n_units), dtype=np.uint8)
    for row, units in zip(counts, picked, strict=True):  # row by row, so that the counts fit into the CPU cache
        row[:] = np.bincount(units, minlength=n_units)
    shared = np.ascontiguousarray(counts.T)
    shared.flags.writeable = False
    return shared


@dataclass(frozen=True)
class Table:
    """Table of the quantile functions of Poisson laws.

    Attributes
    ----------
    law
        Index of the law of each cell.
    guide
        Count for each law and leading bits, flat; -1 if further bits decide.
    keys, starts
        Sorted cumulative probabilities in units of 2^-32, with the law in the higher bits; and the start of each
        law.
    """

    law: NDArray[np.int64]
    guide: NDArray[np.int64]
    keys: NDArray[np.uint64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, counts: NDArray[np.int64], rate: float) -> Table:
        """Tabulate Poisson laws with mean ``rate * counts``."""
        distinct, law = np.unique(counts, return_inverse=True)
        edges = np.arange((1 << BITS) + 1, dtype=np.uint64) << np.uint64(WORD - BITS)
        guide, keys = [], []
        for index, count in enumerate(distinct):
            top = int(np.ceil(pdtrik(1 - 2.0 ** -(WORD + 2), rate * count))) + 1
            share = pdtr(np.arange(top), rate * count)
            cumulative = np.minimum(np.floor(share * 2.0**WORD), 2.0**WORD - 1).astype(np.uint64)
            first = np.searchsorted(cumulative, edges[:-1], "right")
            last = np.searchsorted(cumulative, edges[1:] - np.uint64(1), "right")
            guide.append(np.where(first == last, first, -1))
            keys.append(cumulative + (np.uint64(index) << np.uint64(WORD)))
        starts = np.cumsum([0, *map(len, keys[:-1])])
        return cls(law.astype(np.int64), np.concatenate(guide), np.concatenate(keys), starts.astype(np.int64))

    def draw(self, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return Poisson counts, shape (n_cells, size)."""
        bits = rng.integers(0, 1 << WORD, (len(self.law), size), dtype=np.uint32)
        drawn = self.guide[(bits >> np.uint32(WORD - BITS)) + (self.law << BITS)[:, None]]
        open_ = np.flatnonzero(drawn.ravel() < 0)
        law = self.law[open_ // size]
        key = (law.astype(np.uint64) << np.uint64(WORD)) | bits.ravel()[open_]
        drawn.ravel()[open_] = np.searchsorted(self.keys, key, "right") - self.starts[law]
        return drawn


@dataclass(frozen=True)
class Drawer:
    """Draws with replacement from one set of cells.

    Attributes
    ----------
    counts
        Units in each cell, shape (n_cells,).
    """

    counts: NDArray[np.int64]

    @cached_property
    def _rare(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.counts <= FREQUENT)

    @cached_property
    def _unit_cell(self) -> NDArray[np.intp]:
        """Rare cell of each unit of the lump."""
        return np.repeat(np.arange(len(self._rare)), self.counts[self._rare])

    @cached_property
    def _table(self) -> Table | None:
        n = len(self._unit_cell)
        if n < ENOUGH or n < DENSE * len(self._rare):
            return None
        return Table.of(self.counts[self._rare], 1 - MARGIN / np.sqrt(n))

    def prepare(self) -> Drawer:
        """Make the tables now, before several threads need them."""
        _ = self._table
        return self

    def draw(self, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Resample units with replacement.

        Parameters
        ----------
        size
            Number of resamples.
        rng
            Random number generator.

        Returns
        -------
        numpy.ndarray
            How often each cell occurs, shape (n_cells, size); each column sums to ``counts.sum()``.
        """
        frequent = self.counts > FREQUENT
        left = np.full(size, self.counts.sum())
        if not frequent.any():
            return self._draw_rare(left, rng)
        weights = np.empty((len(self.counts), size), dtype=np.int64)
        share = np.append(self.counts[frequent], len(self._unit_cell)) / self.counts.sum()
        parts = rng.multinomial(int(self.counts.sum()), share, size)
        weights[frequent] = parts[:, :-1].T
        if len(self._rare):
            weights[self._rare] = self._draw_rare(parts[:, -1], rng)
        return weights

    def _draw_rare(self, total: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the cells of the lump, ``total`` units in each resample."""
        if self._table is None:
            return self._by_unit(total, rng)
        drawn = self._table.draw(len(total), rng)
        rest = total - drawn.sum(axis=0)
        drawn[:, rest < 0] = 0
        return drawn + self._by_unit(np.where(rest < 0, total, rest), rng)

    def _by_unit(self, total: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        size, n_cells = len(total), len(self._rare)
        picked = rng.integers(0, len(self._unit_cell), int(total.sum()), dtype=np.int32)
        if len(picked) < n_cells * size // 4:
            codes = self._unit_cell[picked] * size + np.repeat(np.arange(size), total)
            return np.bincount(codes, minlength=n_cells * size).reshape(n_cells, size)
        # resample by resample, so that the counts fit into the CPU cache
        codes = np.repeat(np.arange(0, n_cells * size, n_cells), total)
        codes += picked if len(self._unit_cell) == n_cells else self._unit_cell[picked]
        return np.ascontiguousarray(np.bincount(codes, minlength=n_cells * size).reshape(size, n_cells).T)
