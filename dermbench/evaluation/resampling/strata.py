"""Elements and strata of a permutation: which group labels are exchangeable under the null hypothesis.

The null hypothesis says that, given the true class, the prediction does not depend on the group. Then group labels
are exchangeable

* among images of the same true class (before classes are collapsed), if images are independent;
* among units with the same composition, if images share units. Units with the same number of images of every class
  form a stratum if there are at least 10 of them. All other units are pooled by their most frequent class (the
  lowest one at ties). Neither rule uses groups or predictions;
* among images of the same class within a unit, if its images are of several groups.

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
"""Fewest units of the same composition that form a stratum."""
LOOP = 64
"""Most strata that are sorted separately; with more, the stratum is put into the leading bits of the keys."""
KEY_BITS = 64
SHARED_SIZE, SHARED_KEPT = 2**19, 32
"""Places in one block of permutations (1 MB for up to 65,536 elements), and number of cached blocks."""
SHARED_ELEMENTS = 4_096
"""Most elements for which blocks are cached."""


@dataclass(frozen=True)
class Elements:
    """Elements (images or units) whose group labels are permuted.

    Attributes
    ----------
    of_row
        Element of each image, shape (n_samples,).
    label, stratum
        Group and stratum of each element, shape (n_elements,).
    within_class
        Whether permutation keeps the true class; if not, it is free.
    """

    of_row: NDArray[np.intp]
    label: NDArray[np.intp]
    stratum: NDArray[np.intp]
    within_class: bool

    @cached_property
    def place(self) -> NDArray[np.intp]:
        """Place of each element in the order of strata; permutations exchange places."""
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
        """Number of permutations in one block; depends on the data only."""
        return int(min(1024, max(16, SHARED_SIZE // max(1, len(self.label)))))

    def labels(self, seed: int, block: int, size: int) -> NDArray[np.integer[Any]]:
        """Return permuted groups at all places, shape (n_elements, size), contiguous along permutations.

        Features with the same strata share their permutations.

        Parameters
        ----------
        seed, block
            Seed of all random numbers, and number of the block.
        size
            Number of permutations, at most :attr:`block`.
        """
        label, sizes = self._placed
        make = kept_places if len(label) <= SHARED_ELEMENTS else permuted_places
        return label.take(make(seed, sizes, block, self.block)[:, :size])

    def row_labels(self, seed: int, block: int, size: int) -> NDArray[np.integer[Any]]:
        """Return the permuted group of every image, shape (n_samples, size); arguments as in :meth:`labels`."""
        return self.labels(seed, block, size)[self.place[self.of_row]]


def permuted_places(seed: int, sizes: tuple[int, ...], block: int, size: int) -> NDArray[np.integer[Any]]:
    """Return the place from which each place gets its label, permuted within strata.

    Random keys with the place in their last bits are sorted. This gives a random permutation except for ties of
    the random bits: 64 - log2(elements) - log2(strata) bits (47 for 65,536 elements of one stratum).

    Parameters
    ----------
    seed, block
        Seed of all random numbers, and number of the block.
    sizes
        Number of elements of each stratum; strata are contiguous.
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
    """Return :func:`permuted_places` from a cache; the array is read-only."""
    places = permuted_places(seed, sizes, block, size)
    places.flags.writeable = False
    return places


def elements(sample: Sample, codes: NDArray[np.intp], *, within_class: bool = True) -> Elements:
    """Return the elements to permute for a grouping without unknown groups; see the module docstring."""
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
    """Return the stratum of each unit: its composition if that is common, else its most frequent class."""
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
