"""Counts of the predictions of all models on the same images, and their change under swaps.

Under the null hypothesis of no difference, the predictions of two models may be swapped for all images of an
independent unit. One matrix of swaps (units x swaps) serves every pair of models. A matrix product gives P, the
counts of each model in the swapped units; after the swap, model a has its own counts plus P of b minus P of a.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.metric import Tally
from dermbench.evaluation.resampling.resample import slots_per_group, tally_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.resample import Cells

BLOCK = 2**20
"""Swaps x units in one block."""


@dataclass(frozen=True)
class Tallies:
    """Counts of several models.

    Attributes
    ----------
    cells
        Cells that are drawn or swapped; slots are in the order (model, group, then true, predicted and correct
        count of each class, then sums of steps).
    n_models, n_groups, n_classes
        Numbers that divide the slots.
    steps
        Whether steps in the class order are counted.
    """

    cells: Cells
    n_models: int
    n_groups: int
    n_classes: int
    steps: bool = False

    @classmethod
    def of(
        cls,
        sample: Sample,
        models: Sequence[NDArray[np.intp]],
        codes: NDArray[np.intp] | None = None,
        *,
        steps: bool = False,
    ) -> Tallies:
        """Count the predictions of models.

        Parameters
        ----------
        sample
            Truth and units; its own predictions are not used.
        models
            Predicted classes of each model, each of shape (n_samples,).
        codes
            Group of each image, 0, 1, ...; one group by default.
        steps
            Whether to count steps in the class order (weighted kappa).
        """
        group = np.zeros(len(sample), dtype=np.intp) if codes is None else codes
        n_groups = int(group.max(initial=0)) + 1
        cells = tally_cells(sample, group, n_groups, steps=steps, models=models)
        return cls(cells, len(models), n_groups, sample.n_classes, steps)

    @property
    def block(self) -> int:
        """Number of swaps in one block; depends on the data only."""
        return int(min(1024, max(16, BLOCK // max(1, len(self.cells.counts)))))

    @cached_property
    def totals(self) -> NDArray[np.float64]:
        """Observed counts, shape (n_models, n_groups, n_slots)."""
        return self.cells.totals().reshape(self.n_models, self.n_groups, -1)

    @property
    def support(self) -> NDArray[np.float64]:
        """Images of each group and true class, shape (n_groups, n_classes); the same for all models."""
        return self.totals[0, :, : self.n_classes]

    @property
    def answers(self) -> NDArray[np.float64]:
        """Counts that a swap changes: predicted, correct, and steps; shape (n_models, n_groups, n_slots)."""
        return self.totals[:, :, self.n_classes :]

    @cached_property
    def _matrix(self) -> sparse.csr_array:
        slots = np.arange(self.cells.matrix.shape[0]) % slots_per_group(self.n_classes, steps=self.steps)
        return self.cells.matrix[slots >= self.n_classes].astype(np.float32)

    def swapped(self, rng: np.random.Generator, size: int) -> NDArray[np.float32]:
        """Return the counts of each model in the swapped units, shape (n_models, n_groups, n_slots, size).

        Counts are exact in single precision up to 2^24 images.
        """
        counts = self.cells.counts
        swaps = rng.integers(0, 2, (len(counts), size), dtype=np.int8).astype(np.float32)
        several = np.flatnonzero(counts > 1)
        swaps[several] = rng.binomial(counts[several][:, None], 0.5, (len(several), size))
        inside = self._matrix @ swaps
        shaped: NDArray[np.float32] = inside.reshape(self.n_models, self.n_groups, -1, size)
        return shaped

    def tally(self, answers: NDArray[np.floating]) -> Tally:
        """Turn counts of shape (n_groups, n_slots, size) into a tally of shape (size, n_groups, n_classes)."""
        c = self.n_classes
        full = np.moveaxis(answers.astype(np.float64), -1, 0)
        steps = (full[..., 2 * c], full[..., 2 * c + 1]) if self.steps else (None, None)
        support = np.broadcast_to(self.support, (len(full), *self.support.shape))
        return Tally(support, full[..., :c], full[..., c : 2 * c], *steps)
