"""Images of a cache file; each is checked against its checksum when a process first reads it."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.errors import InputError
from dermbench.machine import available_cores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MANY = 256
"""Fewest images for a check on all cores."""


class CachedImages:
    """Images of a split, indexed like an array; ``numpy.array`` reads and checks all of them.

    Parameters
    ----------
    file
        Cache file, for messages.
    image_ids, sums
        Id and CRC-32 of each image, shape (n_samples,).
    mapped
        The mapped file, uint8, shape (n_samples, side, side, 3).
    """

    def __init__(
        self, file: Path, image_ids: Sequence[str], sums: Sequence[int], mapped: NDArray[np.uint8]
    ) -> None:
        self.file, self.image_ids, self.sums, self.mapped = file, image_ids, sums, np.asarray(mapped)
        self.shape, self.nbytes = mapped.shape, mapped.nbytes
        self._checked = np.zeros(len(mapped), dtype=bool)

    def __len__(self) -> int:
        return len(self.mapped)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        """Return images.

        Raises
        ------
        InputError
            With every image that differs from what was written. The next opening then makes the cache again.
        """
        images: NDArray[np.uint8] = self.mapped[index]
        rows = np.atleast_1d(np.arange(len(self))[index])
        found = self._differing(rows, images.reshape(-1, *self.shape[1:]))
        if found:
            with suppress(OSError):
                self.file.with_suffix(".json").unlink()
            raise InputError(
                self.file,
                [f"image {self.image_ids[row]!r}: its pixels are not those that were written" for row in found],
                remedy="Check the disk and start again: the cache is then made again.",
            )
        return images

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        """Return all images as a memory map, or as an array if ``copy`` is true."""
        return np.array(self[:], dtype=dtype) if copy else np.asarray(self[:], dtype=dtype)

    def all_right(self) -> bool:
        """Return whether every image matches its checksum."""
        return not self._differing(np.arange(len(self)), self.mapped)

    def _differing(self, rows: NDArray[np.int64], images: NDArray[np.uint8]) -> list[int]:
        """Return the ``rows`` whose pixels do not match their checksum; the others are not checked again."""
        new = np.flatnonzero(np.logical_not(self._checked[rows])).tolist()

        def differs(k: int) -> bool:
            return zlib.crc32(images[k].tobytes()) != self.sums[int(rows[k])]

        if len(new) < MANY:
            bad = {int(rows[k]) for k in new if differs(k)}
        else:
            with ThreadPoolExecutor(available_cores()) as pool:
                bad = {int(rows[k]) for k, wrong in zip(new, pool.map(differs, new), strict=True) if wrong}
        self._checked[rows] = True
        self._checked[list(bad)] = False
        return sorted(bad)
