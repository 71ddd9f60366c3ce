"""Folds of the images of ``train`` and ``val``, so that runs of all folds hold out each image once.

Folds depend only on images, labels and ids, not on the manifest's order, library versions or the seed of a run.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import JOINED
from dermbench.artifacts.splitting import distribute
from dermbench.artifacts.units import connected_units, unit_columns
from dermbench.errors import UsageError
from dermbench.training.data.training_data import SPLITS, TrainingData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset

POOL = JOINED.join(SPLITS)
"""The split that holds the images of every fold."""
LOWER = "Choose a lower --set folds=N."


@dataclass(frozen=True)
class FoldedData(TrainingData):
    """Training data whose ``val`` is one fold and ``train`` the others; ``pool`` is the data without folds."""

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


def fold_codes(dataset: Dataset, folds: int) -> NDArray[np.int64]:
    """Return the fold of each row of the manifest, shape (n_samples,), from 0.

    Images linked by a patient, a lesion or a duplicate group, directly or in a chain, are in one fold.

    Raises
    ------
    UsageError
        When there are fewer units than folds, in all or of every class.
    """
    rows = dataset.manifest
    units = connected_units(rows, unit_columns(rows))
    labels = [str(label) for label in rows["label"]]
    n_units = len(np.unique(units))
    if n_units < folds:
        raise UsageError(
            f"{dataset.root}: {folds} folds of {n_units} patients, lesions or images to train and validate on",
            remedy=LOWER,
        )
    of_class = Counter(label for label, _ in set(zip(labels, units.tolist(), strict=True)))
    if max(of_class.values()) < folds:
        raise UsageError(f"{dataset.root}: no class has images for each of {folds} folds", remedy=LOWER)
    shares = {str(fold): 1 / folds for fold in range(folds)}
    nowhere = pd.Series(pd.NA, index=rows.index, dtype="string")
    parts = distribute(rows, nowhere, nowhere.isna(), shares=shares, seed=0)
    return np.array(parts, dtype=np.int64)
