"""Replicates by column: in memory while they are few, in a file without a name when they are many."""

from __future__ import annotations

import math
import tempfile
import weakref
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

IN_MEMORY = 2**22
"""Bytes of replicates that are kept in memory; more go to a temporary file."""
WIDTH = np.dtype(np.float64).itemsize


@dataclass(frozen=True)
class Columns:
    """Replicates, of which one column at a time is read: memory does not grow with all of them.

    Attributes
    ----------
    n
        Number of replicates.
    shape
        Shape of one replicate.
    kept
        Shape (n_columns, n), where they are kept in memory.
    file
        The same, row after row, where they are not.
    """

    n: int
    shape: tuple[int, ...]
    kept: NDArray[np.float64] | None = None
    file: BinaryIO | None = None

    @classmethod
    def of(cls, blocks: Iterable[NDArray[np.float64]], n: int) -> Columns:
        """Take blocks of replicates, each of shape (size, ...), ``n`` in all."""
        waiting = iter(blocks)
        first = next(waiting)
        shape, start = first.shape[1:], 0
        size = math.prod(shape)
        few = size * n * WIDTH <= IN_MEMORY
        kept = np.empty((size if few else 0, n))
        file = None if few else tempfile.TemporaryFile()  # noqa: SIM115 - closed with what reads it
        for block in chain([first], waiting):
            part = block.reshape(len(block), -1).T
            if file is None:
                kept[:, start : start + len(block)] = part
            else:
                _write(file, part, start, n)
            start += len(block)
        if file is None:
            return cls(n, shape, kept=kept)
        made = cls(n, shape, file=file)
        weakref.finalize(made, file.close)
        return made

    def __len__(self) -> int:
        return self.n

    def at(self, *index: int) -> NDArray[np.float64]:
        """Return the replicates of one entry, shape (n,)."""
        column = int(np.ravel_multi_index(index, self.shape)) if self.shape else 0
        if self.kept is not None:
            values: NDArray[np.float64] = self.kept[column]
            return values
        assert self.file is not None
        self.file.seek(column * self.n * WIDTH)
        return np.fromfile(self.file, dtype=np.float64, count=self.n)

    def array(self) -> NDArray[np.float64]:
        """Return all replicates in memory, shape (n, ...)."""
        if self.kept is not None:
            return self.kept.T.reshape(self.n, *self.shape)
        assert self.file is not None
        self.file.seek(0)
        every = np.fromfile(self.file, dtype=np.float64)
        return every.reshape(-1, self.n).T.reshape(self.n, *self.shape)


def _write(file: BinaryIO, columns: NDArray[np.float64], start: int, n: int) -> None:
    """Write some replicates of each column to their place."""
    for index, values in enumerate(columns):
        file.seek((index * n + start) * WIDTH)
        file.write(np.ascontiguousarray(values, dtype=np.float64).tobytes())
