"""The bootstrap as matrix products: draw the counts of cells or units, multiply, score.

Every metric is a function of sums that are linear in the weight of a unit, so one matrix of weights gives the
tallies of all groups, metrics and models at once, and no image is copied. Independent images with the same group,
truth and prediction are interchangeable: they form a cell, and the counts of cells in a resample are multinomial
(:mod:`dermbench.evaluation.resampling.draws`). If there are few units, the units themselves are drawn, and all
groupings, metrics and models share the draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from dermbench.evaluation.core.metric import Tally
from dermbench.evaluation.resampling.draws import FEW_UNITS, Drawer, shared_block, unit_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

BLOCK_CELLS = 2**18
"""Weights in one block of resamples (2 MB), about the size of the cache of one core."""
EXACT = 2**24
"""Single precision is exact for whole numbers up to this one."""


@dataclass(frozen=True)
class Cells:
    """Cells that are drawn, and their contributions to sums.

    Attributes
    ----------
    counts
        Interchangeable units in each cell, shape (n_cells,); all 1 if units themselves are drawn.
    matrix
        Contribution of one draw of a cell to each slot (an entry of a tally, or a sum), sparse, shape
        (n_slots, n_cells).
    """

    counts: NDArray[np.int64]
    matrix: sparse.csr_array

    @property
    def few(self) -> bool:
        """Whether units are drawn one by one, from the draws that all statistics share."""
        return len(self.counts) <= FEW_UNITS and bool((self.counts == 1).all())

    @property
    def block(self) -> int:
        """Number of resamples in one block; depends on the data only."""
        if self.few:
            return shared_block(len(self.counts))
        size = max(len(self.counts), self.matrix.shape[0], 1)
        return int(min(1024, max(16, BLOCK_CELLS // size)))

    @cached_property
    def drawer(self) -> Drawer:
        """Draws with replacement from these cells."""
        return Drawer(self.counts).prepare()

    @cached_property
    def weighed(self) -> sparse.csr_array:
        """The matrix, in single precision if its sums are then exact (whole numbers below 2^24)."""
        return in_single(self.matrix, most=float(self.counts.sum() * abs(self.matrix).max()))

    def totals(self) -> NDArray[np.float64]:
        """Return the sum in each slot on the data, shape (n_slots,)."""
        return np.asarray(self.matrix @ self.counts, dtype=np.float64)


def _distinct(columns: Sequence[NDArray[np.intp]], base: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return the first row of each distinct combination, in the order of the combinations, and their counts."""
    key = columns[0]
    for column in columns[1:]:
        if key.max(initial=0) >= 2**40:
            key = np.unique(key, return_inverse=True)[1]
        key = key * base + column
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    return first, counts.astype(np.int64)


def tally_cells(
    sample: Sample,
    codes: NDArray[np.intp],
    n_groups: int,
    *,
    steps: bool = False,
    models: Sequence[NDArray[np.intp]] | None = None,
) -> Cells:
    """Return cells whose slots are the tallies of each group, for one or several models.

    Parameters
    ----------
    sample
        Truth, units, and predictions if ``models`` is None.
    codes
        Group of each image; images of group -1 are resampled but not counted.
    n_groups
        Number of groups.
    steps
        Whether to also count steps in the class order (weighted kappa).
    models
        Predictions of several models on these images, each of shape (n_samples,); they share the draws.

    Returns
    -------
    Cells
        Slots in the order (model, group, then the true, predicted and correct count of each class and, with
        ``steps``, the sums of steps and of squared steps).
    """
    predictions = [sample.y_pred] if models is None else list(models)
    truth, column = sample.y_true, sample.units
    if sample.clustered:
        counts = np.ones(sample.n_units, dtype=np.int64)
    elif len(sample) <= FEW_UNITS:
        # sorted by cell, so that the draws do not depend on the order of the rows
        counts = np.ones(len(sample), dtype=np.int64)
        column = np.empty(len(sample), dtype=np.intp)
        column[np.lexsort([*predictions, truth, codes])] = np.arange(len(sample))
    else:
        first, counts = _distinct([codes + 1, truth, *predictions], sample.n_classes + n_groups + 1)
        codes, truth, predictions = codes[first], truth[first], [p[first] for p in predictions]
        column = np.arange(len(counts))
    width = slots_per_group(sample.n_classes, steps=steps)
    rows, values = [], []
    for index, predicted in enumerate(predictions):
        base = (index * n_groups + codes) * width
        for label, value in _contributions(truth, predicted, sample.n_classes, steps=steps):
            rows.append(np.where(codes >= 0, base + label, -1))
            values.append(value)
    shape = (len(predictions) * n_groups * width, len(counts))
    return Cells(counts, slot_matrix(rows, values, column, shape))


def slots_per_group(n_classes: int, *, steps: bool) -> int:
    """Return the number of sums in the tally of one group."""
    return 3 * n_classes + 2 * steps


def _contributions(
    truth: NDArray[np.intp], predicted: NDArray[np.intp], n_classes: int, *, steps: bool
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int64]]]:
    one = np.ones(len(truth), dtype=np.int64)
    yield truth, one
    yield n_classes + predicted, one
    yield 2 * n_classes + truth, (truth == predicted).astype(np.int64)
    if steps:
        apart = np.abs(truth - predicted).astype(np.int64)
        yield np.full(len(truth), 3 * n_classes, dtype=np.intp), apart
        yield np.full(len(truth), 3 * n_classes + 1, dtype=np.intp), apart**2


def slot_matrix(
    rows: Sequence[NDArray[np.intp]],
    values: Sequence[NDArray[Any]],
    column: NDArray[np.intp],
    shape: tuple[int, int],
) -> sparse.csr_array:
    """Return the matrix of the contributions of each column to each slot.

    Parameters
    ----------
    rows, values
        Slot and contribution of each image, one array per kind of slot; negative slots are left out.
    column
        Column of each image.
    shape
        Number of slots and of columns.
    """
    row, value, place = np.concatenate(rows), np.concatenate(values), np.tile(column, len(rows))
    keep = (row >= 0) & (value != 0)
    return sparse.coo_array((value[keep], (row[keep], place[keep])), shape=shape).tocsr()


def in_single(matrix: sparse.csr_array, *, most: float) -> sparse.csr_array:
    """Return whole numbers in single precision if sums of up to ``most`` are exact, else the matrix itself."""
    return matrix.astype(np.float32) if matrix.dtype.kind != "f" and most < EXACT else matrix


def sum_cells(sample: Sample, codes: NDArray[np.intp], n_groups: int, values: NDArray[np.float64]) -> Cells:
    """Return cells, one per unit, whose slots are the number of images of each group and sums of ``values``.

    Parameters
    ----------
    sample
        The images; only their units are used.
    codes
        Group of each image, -1 for images in no group.
    n_groups
        Number of groups.
    values
        Values to sum, shape (n_values, n_samples).

    Returns
    -------
    Cells
        Slots in the order (group, then the number of images and each sum).
    """
    width = len(values) + 1
    parts = [np.ones(len(sample)), *values]
    rows = [np.where(codes >= 0, codes * width + index, -1) for index in range(width)]
    counts = np.ones(sample.n_units, dtype=np.int64)
    return Cells(counts, slot_matrix(rows, parts, sample.units, (n_groups * width, sample.n_units)))


def as_tally(sums: NDArray[Any], n_classes: int, *, steps: bool) -> Tally:
    """Return the tally in the slot sums of one model.

    Parameters
    ----------
    sums
        Slot sums, shape (n_groups * slots per group, n).
    n_classes, steps
        As in :func:`tally_cells`.

    Returns
    -------
    Tally
        Arrays of shape (n, n_groups, n_classes). The first axis is contiguous in memory, so sums over classes run
        over many resamples at once.
    """
    width = slots_per_group(n_classes, steps=steps)
    parts = np.asarray(sums, dtype=np.float64).reshape(-1, width, sums.shape[-1])
    full = np.moveaxis(parts, -1, 0)
    ends = (n_classes, 2 * n_classes, 3 * n_classes)
    extra = (full[..., ends[2]], full[..., ends[2] + 1]) if steps else (None, None)
    return Tally(full[..., : ends[0]], full[..., ends[0] : ends[1]], full[..., ends[1] : ends[2]], *extra)


def replicate(
    cells: Cells, reduce: Callable[[NDArray[Any]], NDArray[np.float64]], plan: Plan, *, stream: str
) -> NDArray[np.float64]:
    """Bootstrap a function of slot sums.

    Parameters
    ----------
    cells
        Cells to draw.
    reduce
        Function from slot sums of shape (n_slots, block) to values of shape (block, ...).
    plan, stream
        Number of resamples, and the random numbers. For few units, all statistics share one stream.

    Returns
    -------
    numpy.ndarray
        Shape (..., n_resamples).
    """
    matrix = cells.weighed

    def shared(block: int, size: int) -> NDArray[np.float64]:
        counts = unit_counts(plan.seed, len(cells.counts), block)[:, :size]
        return reduce(matrix @ counts.astype(matrix.dtype))

    def own(block: int, size: int) -> NDArray[np.float64]:
        return reduce(cells.matrix @ cells.drawer.draw(size, plan.generator(stream, block)))

    return plan.replicates(shared if cells.few else own, block=cells.block)
