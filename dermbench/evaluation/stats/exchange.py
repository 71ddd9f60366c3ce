"""What may be exchanged between groups when they do not matter: the elements and strata of a permutation.

Under the null hypothesis the prediction depends on the true class but, given the class, not on the group. Then
group labels are exchangeable

* among images of the same true class, where images are independent;
* among units with the same classes of images, where images share units: units with an equal number of images of
  every class form a stratum when at least 10 units do; all others are pooled by the class that most of their
  images have (the lowest such class at ties). Neither rule looks at groups or predictions;
* among images of the same class within one unit, for units whose images are of several groups.

Free permutation drops the condition on the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.stats.sample import Sample

OWN_STRATUM = 10
"""Units of the same composition that form a stratum of their own."""
LOOP = 64
"""Strata up to which each is shuffled by itself; with more, random keys are sorted."""


@dataclass(frozen=True)
class Elements:
    """Things that carry a group label and are permuted.

    Attributes
    ----------
    of_row
        Element of each image, shape (n_samples,).
    label, stratum
        Group and stratum of each element, shape (n_elements,).
    n_mixed, mixed_share
        Units whose images are of several groups, and the share of all images that these units have.
    within_class
        Whether strata keep the true class (else: free permutation).
    """

    of_row: NDArray[np.intp]
    label: NDArray[np.intp]
    stratum: NDArray[np.intp]
    n_mixed: int
    mixed_share: float
    within_class: bool

    @property
    def movable(self) -> float:
        """Share of the images whose group can change at all."""
        order = np.unique(self.stratum, return_inverse=True)[1]
        low = np.full(order.max(initial=-1) + 1, np.iinfo(np.intp).max)
        high = np.full(len(low), -1)
        np.minimum.at(low, order, self.label)
        np.maximum.at(high, order, self.label)
        return float(np.mean((high > low)[order][self.of_row]))

    @cached_property
    def _order(self) -> tuple[NDArray[np.intp], NDArray[np.intp], list[tuple[int, int]]]:
        """Elements sorted by stratum, the place of each image's element there, and the ends of mixed strata."""
        order = np.argsort(self.stratum, kind="stable")
        place = np.empty(len(order), dtype=np.intp)
        place[order] = np.arange(len(order))
        starts = np.flatnonzero(np.diff(self.stratum[order], prepend=-1))
        label = self.label[order]
        ends = [
            (int(a), int(b))
            for a, b in zip(starts, np.append(starts[1:], len(order)), strict=True)
            if (label[a:b] != label[a]).any()
        ]
        return label, place[self.of_row], ends

    def row_labels(self, rng: np.random.Generator, size: int) -> NDArray[np.intp]:
        """Return the permuted group of every image, shape (size, n_samples)."""
        label, place, ends = self._order
        labels = np.tile(label, (size, 1))
        if len(ends) <= LOOP:
            for a, b in ends:
                rng.permuted(labels[:, a:b], axis=1, out=labels[:, a:b])
        else:
            moving = np.concatenate([np.arange(a, b) for a, b in ends])
            ordinal = np.repeat(np.arange(len(ends)), [b - a for a, b in ends])
            keys = ordinal + rng.random((size, len(moving)))
            labels[:, moving] = label[moving][np.argsort(keys, axis=1)]
        return labels[:, place]


def elements(sample: Sample, codes: NDArray[np.intp], *, within_class: bool = True) -> Elements:
    """Return what is permuted for a grouping without unknown groups; see the module's text."""
    stratum = sample.y_true if within_class else np.zeros(len(sample), dtype=np.intp)
    if not sample.clustered:
        return Elements(np.arange(len(sample)), codes, stratum, 0, 0.0, within_class)
    units, n = sample.units, sample.n_units
    low, high = np.full(n, codes.max(initial=0)), np.zeros(n, dtype=np.intp)
    np.minimum.at(low, units, codes)
    np.maximum.at(high, units, codes)
    mixed = low < high
    of_unit = _composition(sample) if within_class else np.zeros(n, dtype=np.intp)
    inside = of_unit.max(initial=0) + 1 + units * sample.n_classes + stratum
    key = np.where(mixed[units], n + np.arange(len(sample)), units)
    _, first, of_row = np.unique(key, return_index=True, return_inverse=True)
    row_stratum = np.where(mixed[units], inside, of_unit[units])
    return Elements(
        of_row, codes[first], row_stratum[first], int(mixed.sum()), float(mixed[units].mean()), within_class
    )


def _composition(sample: Sample) -> NDArray[np.intp]:
    """Return the stratum of each unit: its exact composition where it is common, else its majority class."""
    shape = (sample.n_units, sample.n_classes)
    ones = np.ones(len(sample), dtype=np.int64)
    counts = sparse.coo_array((ones, (sample.units, sample.y_true)), shape=shape).tocsr()
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
    return np.where(common, sample.n_classes + exact, majority).astype(np.intp)
