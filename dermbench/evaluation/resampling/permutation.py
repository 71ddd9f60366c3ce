"""Group tallies, and functions of image weights, under permuted group labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.core.metric import Tally
from dermbench.evaluation.resampling.resample import in_single, slot_matrix

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scipy import sparse

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan
    from dermbench.evaluation.resampling.strata import Elements

ROW_COST, CELL_COST = 15.0, 160.0
"""Nanoseconds to permute one image, and to draw one hypergeometric cell."""
BUDGET = 4e10
"""Most nanoseconds for permutations; larger samples get fewer of them, at least :data:`FEWEST`."""
FEWEST = 999


@dataclass(frozen=True)
class LabelledSums:
    """Contributions of permuted elements to the sums of the group that they are assigned to.

    Attributes
    ----------
    counts
        Sparse, shape (slots, n_elements): predicted and correct images of each class, then true images unless
        permutation keeps them, then steps in the class order.
    n_groups, n_classes
        Number of groups and of classes.
    steps
        Whether steps are counted.
    support
        Images of each (group, true class) if permutation keeps them, shape (n_groups, n_classes); else None.
    """

    counts: sparse.csr_array
    n_groups: int
    n_classes: int
    steps: bool
    support: NDArray[np.float64] | None

    @classmethod
    def of(
        cls,
        sample: Sample,
        parts: Elements,
        n_groups: int,
        *,
        steps: bool = False,
    ) -> LabelledSums:
        """Sum the images of each element."""
        c, column = sample.n_classes, parts.place[parts.of_row]
        fixed = None
        if parts.within_class and not sample.clustered:
            sizes = np.bincount(parts.label * c + sample.y_true, minlength=n_groups * c)
            fixed = sizes.reshape(n_groups, c).astype(np.float64)
        one = np.ones(len(sample), dtype=np.int64)
        entries = [(sample.y_pred, one), (c + sample.y_true, sample.hit.astype(np.int64))]
        if fixed is None:
            entries.append((2 * c + sample.y_true, one))
        width = len(entries) * c
        if steps:
            apart = np.abs(sample.y_true - sample.y_pred).astype(np.int64)
            entries += [(width * one, apart), (width * one + 1, apart**2)]
        shape = (width + 2 * steps, len(parts.label))
        counts = slot_matrix([e[0] for e in entries], [e[1] for e in entries], column, shape)
        return cls(
            in_single(counts, most=float(counts.sum(axis=1).max(initial=0))),
            n_groups,
            c,
            steps,
            fixed,
        )

    def at(self, labels: NDArray[np.integer[Any]]) -> Tally:
        """Return the tally for several labellings.

        Parameters
        ----------
        labels
            Group at each place, shape (n_elements, size).

        Returns
        -------
        Tally
            Arrays of shape (size, n_groups, n_classes).
        """
        size, c = labels.shape[1], self.n_classes
        slots: NDArray[np.float64] = np.empty((self.n_groups, self.counts.shape[0], size))
        for g in range(self.n_groups):
            inside = (labels == g).view(np.uint8)
            slots[g] = self.counts @ inside.astype(self.counts.dtype)
        sums = np.moveaxis(slots, -1, 0)
        parts = [sums[..., start : start + c] for start in range(0, sums.shape[-1] - 2 * self.steps, c)]
        support = parts[2] if self.support is None else np.broadcast_to(self.support, parts[0].shape)
        extra = (sums[..., -2], sums[..., -1]) if self.steps else (None, None)
        return Tally(support, parts[0], parts[1], *extra)


def split_cells(row: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator, size: int) -> Any:
    """Yield each predicted class that occurs, and its number of images in each group, shape (n_groups, size)."""
    room = np.repeat(sizes[:, None], size, axis=1)
    for p in np.flatnonzero(row):
        drawn = np.zeros_like(room)
        left = np.full(size, row[p])
        rest = room.sum(axis=0)
        for g in range(len(sizes) - 1):
            rest = rest - room[g]
            drawn[g] = rng.hypergeometric(room[g], rest, left)
            left = left - drawn[g]
        drawn[-1] = left
        room -= drawn
        yield p, drawn


def permuted_weights(
    parts: Elements,
    n_groups: int,
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    plan: Plan,
) -> NDArray[np.float64]:
    """Return functions of the image weights of each group under permutation.

    Parameters
    ----------
    parts, n_groups
        Elements that are permuted, and number of groups.
    score
        Function from weights of shape (n_samples, size) to values of shape (size, n_metrics).
    plan
        Number of permutations, and the random numbers.

    Returns
    -------
    numpy.ndarray
        Shape (n_permutations, n_groups, n_metrics).
    """

    def one(block: int, size: int) -> NDArray[np.float64]:
        labels = parts.row_labels(plan.seed, block, size)
        each = [score((labels == g).view(np.uint8).astype(np.float32)).T for g in range(n_groups)]
        return np.moveaxis(np.stack(each), -1, 0)

    return np.moveaxis(plan.replicates(one, block=parts.block), -1, 0)
