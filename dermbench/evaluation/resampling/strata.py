"""What may be exchanged between groups when they do not matter: the elements and strata of a permutation.

Under the null hypothesis the prediction depends on the true class but, given the class, not on the group. Then
group labels are exchangeable

* among images of the same true class, before any classes were collapsed, where images are independent;
* among units with the same classes of images, where images share units: units with an equal number of images of
  every class form a stratum when at least 10 units do; all others are pooled by the class that most of their
  images have (the lowest such class at ties). Neither rule looks at groups or predictions;
* among images of the same class within one unit, for units whose images are of several groups.

Free permutation drops the condition on the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from dermbench.evaluation.resampling.plan import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample

OWN_STRATUM = 10
"""Units of the same composition that form a stratum of their own."""
LOOP = 64
"""Strata up to which each is sorted by itself; with more, the stratum leads the keys that are sorted."""
KEY_BITS = 64
SHARED_SIZE, SHARED_KEPT = 2**19, 32
"""Places in one block of permutations (1 MB for up to 65,536 elements), and blocks that are kept."""
SHARED_ELEMENTS = 4_096
"""Elements up to which blocks are kept for the next to ask."""


@dataclass(frozen=True)
class Elements:
    """Things that carry a group label and are permuted.

    Attributes
    ----------
    of_row
        Element of each image, shape (n_samples,).
    label, stratum
        Group and stratum of each element, shape (n_elements,).
    within_class
        Whether strata keep the true class (else: free permutation).
    """

    of_row: NDArray[np.intp]
    label: NDArray[np.intp]
    stratum: NDArray[np.intp]
    within_class: bool

    @cached_property
    def place(self) -> NDArray[np.intp]:
        """Place of each element when they are sorted by stratum; permutations exchange places."""
        place = np.empty(len(self.stratum), dtype=np.intp)
        place[np.argsort(self.stratum, kind="stable")] = np.arange(len(place))
        return place

    @cached_property
    def _placed(self) -> tuple[NDArray[np.integer[Any]], tuple[int, ...]]:
        """Label at each place, and the size of each stratum."""
        order = np.argsort(self.stratum, kind="stable")
        label = self.label[order].astype(np.min_scalar_type(int(self.label.max(initial=0))))
        return label, tuple(np.unique(self.stratum, return_counts=True)[1].tolist())

    @property
    def block(self) -> int:
        """Permutations in one block; follows from the data alone."""
        return int(min(1024, max(16, SHARED_SIZE // max(1, len(self.label)))))

    def labels(self, seed: int, block: int, size: int) -> NDArray[np.integer[Any]]:
        """Return permuted groups at all places, shape (n_elements, size), the resamples running fastest.

        Features with the same strata exchange the same elements: their permutations are shared.

        Parameters
        ----------
        seed, block
            What fixes the random numbers: the seed of everything, and the number of the block.
        size
            Permutations that are asked for, at most :attr:`block`.
        """
        label, sizes = self._placed
        make = kept_places if len(label) <= SHARED_ELEMENTS else permuted_places
        return label.take(make(seed, sizes, block, self.block)[:, :size])

    def row_labels(self, seed: int, block: int, size: int) -> NDArray[np.integer[Any]]:
        """Return the permuted group of every image, shape (n_samples, size); arguments as for :meth:`labels`."""
        return self.labels(seed, block, size)[self.place[self.of_row]]


def permuted_places(seed: int, sizes: tuple[int, ...], block: int, size: int) -> NDArray[np.integer[Any]]:
    """Return which place each place gets its label from, permuted within strata.

    Random keys with the place in their last bits are sorted: a permutation, but for ties of the random bits, of
    which 64 - log2(elements) - log2(strata) are left (47 for 65,536 elements of one stratum).

    Parameters
    ----------
    seed, block
        What fixes the random numbers.
    sizes
        Elements of each stratum, which follow one another.
    size
        Number of permutations.

    Returns
    -------
    numpy.ndarray
        Shape (n_elements, size).
    """
    n = sum(sizes)
    low = np.uint64(max(1, (n - 1).bit_length()))
    keys = generator(seed, "places", block).integers(0, 2**KEY_BITS, (size, n), dtype=np.uint64, endpoint=False)
    mask = (np.uint64(1) << low) - np.uint64(1)
    ends = np.cumsum([0, *sizes])
    if len(sizes) <= LOOP:
        keys &= ~mask
        keys |= np.arange(n, dtype=np.uint64)
        for a, b in pairwise(ends):
            keys[:, a:b].sort(axis=1)
    else:
        high = np.uint64(len(sizes).bit_length())
        keys >>= high
        keys &= ~mask
        keys |= np.arange(n, dtype=np.uint64)
        keys |= np.repeat(np.arange(len(sizes), dtype=np.uint64) << (np.uint64(KEY_BITS) - high), sizes)
        keys.sort(axis=1)
    keys &= mask
    return np.ascontiguousarray(keys.astype(np.min_scalar_type(max(n - 1, 0))).T)


@lru_cache(maxsize=SHARED_KEPT)
def kept_places(seed: int, sizes: tuple[int, ...], block: int, size: int) -> NDArray[np.integer[Any]]:
    """Return :func:`permuted_places`, read only: the next to ask gets the same."""
    places = permuted_places(seed, sizes, block, size)
    places.flags.writeable = False
    return places


def elements(sample: Sample, codes: NDArray[np.intp], *, within_class: bool = True) -> Elements:
    """Return what is permuted for a grouping without unknown groups; see the module's text."""
    stratum = sample.stratum if within_class else np.zeros(len(sample), dtype=np.intp)
    if not sample.clustered:
        return Elements(np.arange(len(sample)), codes, stratum, within_class)
    units, n = sample.units, sample.n_units
    low, high = np.full(n, codes.max(initial=0)), np.zeros(n, dtype=np.intp)
    np.minimum.at(low, units, codes)
    np.maximum.at(high, units, codes)
    mixed = low < high
    of_unit = _composition(sample) if within_class else np.zeros(n, dtype=np.intp)
    inside = of_unit.max(initial=0) + 1 + units * _n_strata(sample) + stratum
    key = np.where(mixed[units], n + np.arange(len(sample)), units)
    _, first, of_row = np.unique(key, return_index=True, return_inverse=True)
    row_stratum = np.where(mixed[units], inside, of_unit[units])
    return Elements(of_row, codes[first], row_stratum[first], within_class)


def _composition(sample: Sample) -> NDArray[np.intp]:
    """Return the stratum of each unit: its exact composition where it is common, else its majority class."""
    shape = (sample.n_units, _n_strata(sample))
    ones = np.ones(len(sample), dtype=np.int64)
    counts = sparse.coo_array((ones, (sample.units, sample.stratum)), shape=shape).tocsr()
    counts.sum_duplicates()
    counts.sort_indices()
    keys = [
        (counts.indices[a:b].tobytes(), counts.data[a:b].tobytes())
        for a, b in zip(counts.indptr[:-1], counts.indptr[1:], strict=True)
    ]
    number: dict[tuple[bytes, bytes], int] = {}
    exact = np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.intp)
    common = np.bincount(exact)[exact] >= OWN_STRATUM
    majority = np.asarray(counts.argmax(axis=1)).ravel()
    return np.where(common, _n_strata(sample) + exact, majority).astype(np.intp)


def _n_strata(sample: Sample) -> int:
    return int(sample.stratum.max(initial=0)) + 1
