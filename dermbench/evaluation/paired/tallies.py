"""All models' answers on the same images, counted once, and what exchanging them does to the counts.

Under "no difference" two models' answers may be exchanged, for all images of an independent unit at once. One
matrix of swaps (units x swaps) serves every pair of models: with P the counts of a model in the swapped units, a
matrix product, model a has after the swap its own counts plus P of b minus P of a.
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
        What is drawn or swapped, with slots in the order (model, group, true, predicted and correct count of
        each class, then sums of steps).
    n_models, n_groups, n_classes
        How the slots divide.
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
        """Count the answers of models.

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
        """Swaps in one block; follows from the data alone."""
        return int(min(1024, max(16, BLOCK // max(1, len(self.cells.counts)))))

    @cached_property
    def totals(self) -> NDArray[np.float64]:
        """Counts as they are, shape (n_models, n_groups, n_slots)."""
        return self.cells.totals().reshape(self.n_models, self.n_groups, -1)

    @property
    def support(self) -> NDArray[np.float64]:
        """True images of each group and class, shape (n_groups, n_classes); the same for all models."""
        return self.totals[0, :, : self.n_classes]

    @property
    def answers(self) -> NDArray[np.float64]:
        """What a swap changes: predicted and correct counts, and steps, (n_models, n_groups, n_slots)."""
        return self.totals[:, :, self.n_classes :]

    @cached_property
    def _matrix(self) -> sparse.csr_array:
        slots = np.arange(self.cells.matrix.shape[0]) % slots_per_group(self.n_classes, steps=self.steps)
        return self.cells.matrix[slots >= self.n_classes].astype(np.float32)

    def swapped(self, rng: np.random.Generator, size: int) -> NDArray[np.float32]:
        """Return the answers of each model in the swapped units, shape (n_models, n_groups, n_slots, size).

        Counts stay exact: in single precision up to 2^24 images.
        """
        counts = self.cells.counts
        swaps = rng.integers(0, 2, (len(counts), size), dtype=np.int8).astype(np.float32)
        several = np.flatnonzero(counts > 1)
        swaps[several] = rng.binomial(counts[several][:, None], 0.5, (len(several), size))
        inside = self._matrix @ swaps
        shaped: NDArray[np.float32] = inside.reshape(self.n_models, self.n_groups, -1, size)
        return shaped

    def tally(self, answers: NDArray[np.floating]) -> Tally:
        """Read answers of shape (n_groups, n_slots, size) as a tally of shape (size, n_groups, n_classes)."""
        c = self.n_classes
        full = np.moveaxis(answers.astype(np.float64), -1, 0)
        steps = (full[..., 2 * c], full[..., 2 * c + 1]) if self.steps else (None, None)
        support = np.broadcast_to(self.support, (len(full), *self.support.shape))
        return Tally(support, full[..., :c], full[..., c : 2 * c], *steps)
