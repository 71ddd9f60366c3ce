"""Divide the images of ``train`` and ``val`` into folds; runs of all folds hold out each image once.

Folds depend only on images, labels and ids, not on the manifest's order, library versions or the run's seed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from dermbench.artifacts.columns import JOINED
from dermbench.artifacts.splitting import fold_codes
from dermbench.training.data.training_data import SPLITS, TrainingData

if TYPE_CHECKING:
    from dermbench.artifacts import Dataset

POOL = JOINED.join(SPLITS)
"""The split that holds the images of every fold."""


@dataclass(frozen=True)
class FoldedData(TrainingData):
    """Training data with one fold as ``val`` and the others as ``train``; ``pool`` is the data without folds."""

    pool: Dataset | None = None

    @classmethod
    def cut(cls, dataset: Dataset, folds: int, fold: int) -> Self:
        """Return the data with one fold held out; errors as for :func:`fold_codes`."""
        pool = TrainingData.of(dataset)
        rows = pool.manifest
        held_out = fold_codes(pool, folds) == fold
        split = np.where(held_out, "val", "train")
        return cls(dataset.root, dataset.info, rows.assign(split=split), pool)

    @property
    def held_out(self) -> str:
        """``sha256:<hex>`` of the sorted ids of ``val``."""
        ids = json.dumps(sorted(map(str, self.part("val")["image_id"])))
        return f"sha256:{hashlib.sha256(ids.encode()).hexdigest()}"
